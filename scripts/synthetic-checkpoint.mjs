// Writes a model directory of Llama's shape with BF16 weights of any size, to measure loading:
// node scripts/synthetic-checkpoint.mjs DIR [GB] [random|sparse] [HIDDEN]; sparse weights are all zero and take no room on the disk.
import { mkdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

const VOCABULARY = 32_000;
const HEAD_DIM = 64;
const BLOCK_BYTES = 2 ** 24;

const [dir = '', gigabytes = '1', kind = 'random', hidden = '2048'] = process.argv.slice(2);
if (dir === '') throw new Error('give a directory');
const HIDDEN = Number(hidden);
if (HIDDEN % (4 * HEAD_DIM) !== 0) throw new Error(`HIDDEN is no multiple of ${4 * HEAD_DIM}`);
const FFN = 4 * HIDDEN;
const KV = HIDDEN / 4;
const layerShapes = [
  ['self_attn.q_proj.weight', HIDDEN, HIDDEN],
  ['self_attn.k_proj.weight', KV, HIDDEN],
  ['self_attn.v_proj.weight', KV, HIDDEN],
  ['self_attn.o_proj.weight', HIDDEN, HIDDEN],
  ['mlp.gate_proj.weight', FFN, HIDDEN],
  ['mlp.up_proj.weight', FFN, HIDDEN],
  ['mlp.down_proj.weight', HIDDEN, FFN],
  ['input_layernorm.weight', HIDDEN],
  ['post_attention_layernorm.weight', HIDDEN],
];
const bytesOf = (shape) => 2 * shape.reduce((product, size) => product * size, 1);
const layerBytes = layerShapes.reduce((sum, [, ...shape]) => sum + bytesOf(shape), 0);
const outside = bytesOf([VOCABULARY, HIDDEN]) + bytesOf([HIDDEN]);
const numLayers = Math.max(1, Math.round((Number(gigabytes) * 1e9 - outside) / layerBytes));

const header = {};
let size = 0;
const add = (name, shape) => {
  const end = size + bytesOf(shape);
  header[name] = { dtype: 'BF16', shape, data_offsets: [size, end] };
  size = end;
};
add('model.embed_tokens.weight', [VOCABULARY, HIDDEN]);
for (let layer = 0; layer < numLayers; layer++) {
  for (const [name, ...shape] of layerShapes) add(`model.layers.${layer}.${name}`, shape);
}
add('model.norm.weight', [HIDDEN]);

// Any sign and mantissa, exponents of 2^-7 and 2^-6: a block of them, over and over.
let state = 1;
const block = new Uint16Array(BLOCK_BYTES / 2).map(() => {
  state = (Math.imul(state, 1664525) + 1013904223) | 0;
  return ((state >>> 16) & 0x80ff) | 0x3c00;
});
mkdirSync(dir, { recursive: true });
const json = Buffer.from(JSON.stringify(header));
const prefix = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
prefix.writeBigUInt64LE(BigInt(prefix.length - 8));
json.copy(prefix, 8);
const file = await open(join(dir, 'model.safetensors'), 'w');
await file.writeFile(prefix);
for (let left = kind === 'sparse' ? 0 : size; left > 0; left -= BLOCK_BYTES) {
  await file.writeFile(new Uint8Array(block.buffer, 0, Math.min(left, BLOCK_BYTES)));
}
await file.truncate(prefix.length + size);
await file.close();
const config = {
  architectures: ['LlamaForCausalLM'],
  hidden_size: HIDDEN,
  intermediate_size: FFN,
  num_hidden_layers: numLayers,
  num_attention_heads: HIDDEN / HEAD_DIM,
  num_key_value_heads: KV / HEAD_DIM,
  head_dim: HEAD_DIM,
  vocab_size: VOCABULARY,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
  hidden_act: 'silu',
  eos_token_id: 2,
};
writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
console.log(`${dir}: ${numLayers} layers, ${(size / 1e9).toFixed(2)} GB`);
