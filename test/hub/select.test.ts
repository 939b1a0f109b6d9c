import t from 'tap';
import { selectFiles } from '#halflight/hub/select.js';
import { refuses } from '../support/commands.js';

const NONE = { file: null, quantization: null };
const select = (paths: readonly string[], choice: Partial<typeof NONE> | object = {}) =>
  selectFiles('a/b', paths, { ...NONE, ...choice });
const shard = (part: number, total: number) =>
  `model-${String(part).padStart(5, '0')}-of-${String(total).padStart(5, '0')}.safetensors`;

t.test('takes settings, tokenizer and safetensors of the root, and nothing else', (t) => {
  const needed = [
    'config.json',
    'generation_config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'chat_template.jinja',
    '1_Pooling/config.json',
  ];
  const other = [
    '.gitattributes',
    'README.md',
    'preprocessor_config.json',
    'pytorch_model.bin',
    'original/consolidated.00.pth',
    'consolidated.safetensors',
    'onnx/model.onnx',
    'text_encoder/model.safetensors',
    'text_encoder/config.json',
    'training_args.bin',
  ];
  t.strictSame(select([...other, ...needed, 'model.safetensors']), {
    files: [...needed, 'model.safetensors'],
    gguf: null,
  });
  t.end();
});

t.test('takes the shards with their index, one file before shards, the only file of another name', (t) => {
  const index = 'model.safetensors.index.json';
  const sharded = ['config.json', index, shard(2, 2), shard(1, 2), 'consolidated.safetensors'];
  t.strictSame(select(sharded).files, ['config.json', index, shard(2, 2), shard(1, 2)]);
  t.strictSame(select([...sharded, 'model.safetensors']).files, ['config.json', 'model.safetensors']);
  t.strictSame(select(['config.json', 'gptq-4bit.safetensors']).files, [
    'config.json',
    'gptq-4bit.safetensors',
  ]);
  t.end();
});

t.test('refuses weights that could not be read, before they are fetched', async (t) => {
  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [['config.json', 'pytorch_model.bin'], /has no weights that are read: .* but pytorch_model\.bin$/],
    [['config.json', 'unet/model.safetensors'], /has no weights that are read/],
    [[], /has no weights that are read/],
    [['model.safetensors'], /has no config\.json/],
    [
      ['config.json', 'model.safetensors.index.json', shard(1, 3), shard(3, 3)],
      /model-00002-of-00003\.safetensors: missing/,
    ],
    [
      ['config.json', 'a.safetensors', 'b.safetensors'],
      /which of a\.safetensors, b\.safetensors to read is unclear/,
    ],
  ];
  for (const [paths, message] of refused) await refuses(t, () => select(paths), message);
});

const GGUFS = ['README.md', 'm-Q4_K_M.gguf', 'm-Q8_0.gguf', 'bf16/m.BF16.gguf', 'mmproj-m-Q8_0.gguf'];

t.test('takes one GGUF file: the only one, the one named, or that of a quantization', (t) => {
  t.strictSame(select(['README.md', 'm.gguf']), { files: ['m.gguf'], gguf: 'm.gguf' });
  t.equal(select(GGUFS, { file: 'm-Q8_0.gguf' }).gguf, 'm-Q8_0.gguf');
  t.equal(select(GGUFS, { file: 'm.BF16.gguf' }).gguf, 'bf16/m.BF16.gguf');
  t.equal(select(GGUFS, { quantization: 'q4_k_m' }).gguf, 'm-Q4_K_M.gguf');
  t.equal(select(GGUFS, { quantization: 'Q8_0' }).gguf, 'm-Q8_0.gguf', 'a projector is no model');
  t.equal(select(GGUFS, { quantization: 'bf16' }).gguf, 'bf16/m.BF16.gguf');
  t.equal(select(['config.json', 'model.safetensors', 'm.gguf'], { file: 'm.gguf' }).gguf, 'm.gguf');
  t.end();
});

t.test('lists the GGUF files where it cannot tell', async (t) => {
  const all = /m-Q4_K_M\.gguf, m-Q8_0\.gguf, bf16\/m\.BF16\.gguf/;
  await refuses(t, () => select(GGUFS), /^a\/b: has several GGUF files; name one by --gguf-file: /);
  await refuses(t, () => select(GGUFS), all);
  await refuses(t, () => select(GGUFS, { quantization: 'Q2_K' }), /^a\/b: has no GGUF file Q2_K; name one/);
  await refuses(t, () => select(GGUFS, { file: 'x.gguf' }), /bf16\/m\.BF16\.gguf$/);
  await refuses(
    t,
    () => select(['config.json', 'model.safetensors'], { quantization: 'Q8_0' }),
    /has no GGUF file; leave/,
  );
});

t.test('a split GGUF file is one file', async (t) => {
  const parts = ['d/m-Q8_0-00002-of-00002.gguf', 'd/m-Q8_0-00001-of-00002.gguf'];
  t.strictSame(select([...parts, 'm-Q2_K.gguf'], { quantization: 'Q8_0' }), {
    files: parts.toReversed(),
    gguf: parts[1],
  });
  for (const file of ['m-Q8_0-00001-of-00002.gguf', 'm-Q8_0-00002-of-00002.gguf', 'm-Q8_0.gguf'])
    t.equal(select([...parts, 'm-Q2_K.gguf'], { file }).gguf, parts[1], file);
  await refuses(t, () => select(parts.slice(1)), /^a\/b: d\/m-Q8_0-00002-of-00002\.gguf: missing$/);
});
