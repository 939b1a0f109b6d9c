import t from 'tap';
import { type GgufScheme, ggufScheme, typeIn } from '#halflight/calibrate/job/gguf-schemes.js';
import { MIXTURES, type Mixture } from '../../support/quantized-gguf.js';

const known = (name: string): GgufScheme => {
  const scheme = ggufScheme(name);
  if (scheme === null) throw new Error(name);
  return scheme;
};

/** A tensor's row, by what llama-quantize's test models have. */
function colsOf({ hiddenSize, intermediateSize }: Mixture['model'], name: string): number {
  return name.includes('ffn_down') ? intermediateSize : hiddenSize;
}

for (const { model, types } of MIXTURES) {
  const { architecture, numLayers, numExperts } = model;
  t.test(
    `${architecture} of ${numLayers} layers and ${numExperts} experts has llama-quantize’s types in every mixture`,
    (t) => {
      for (const [mixture, tensors] of Object.entries(types)) {
        for (const [name, kinds] of Object.entries(tensors)) {
          for (const [type, listed] of Object.entries(kinds)) {
            const layers =
              listed ?? (name.includes('{') ? Array.from({ length: numLayers }, (_, i) => i) : [0]);
            const wrong = layers.filter((layer) => {
              const tensor = {
                name: name.replace('{layer}', String(layer)),
                layer,
                shape: [32, colsOf(model, name)],
              };
              return typeIn(known(mixture), tensor, model).type !== type;
            });
            t.same(wrong, [], `${mixture} ${name} ${type}`);
          }
        }
      }
      t.end();
    },
  );
}

t.test('a type whose blocks do not divide a row is replaced, and it is told', (t) => {
  const { model } = MIXTURES[0];
  const chosen = (name: string, cols: number) =>
    typeIn(known(name), { name: 'blk.0.ffn_up.weight', layer: 0, shape: [64, cols] }, model);
  t.same(chosen('q4_k_m', 288), {
    type: 'Q5_0',
    note: 'Q5_0: rows of 288 are not divided by Q4_K’s blocks of 256',
  });
  t.match(chosen('q4_0', 48), { type: 'F16', note: /blocks of 32/ });
  t.match(chosen('q4_k_m', 48), { type: 'F16' });
  t.end();
});

t.test('vectors, routers and learned positions stay f32', (t) => {
  const { model } = MIXTURES[0];
  for (const name of [
    'blk.0.attn_q.bias',
    'output_norm.weight',
    'blk.0.ffn_gate_inp.weight',
    'position_embd.weight',
    'blk.0.ffn_up_exps.bias',
  ])
    t.equal(typeIn(known('q4_0'), { name, layer: 0, shape: [32, 256] }, model).type, 'F32', name);
  t.equal(typeIn(known('f16'), { name: 'rope_freqs.weight', layer: null, shape: [32] }, model).type, 'F32');
  t.end();
});

t.test('names are llama-quantize’s, in letters of either size', (t) => {
  t.equal(ggufScheme('Q4_K')?.name, 'q4_k_m');
  t.equal(ggufScheme('q8_0')?.fileType, 7);
  t.equal(ggufScheme('int4'), null);
  t.end();
});
