import t from 'tap';
import { activeShare, embedCases, linearCases, linearShapes } from '#halflight/bench/linear-cases.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { FLOAT_FORMATS, parseQuantization } from '#halflight/quant/formats.js';
import { runCases, tinyShape } from '../support/bench.js';
import { cpuContext } from '../support/bench-context.js';
import { tinyDir } from '../support/tiny.js';

t.test('a model has five matrix products, stacked as its layers stack them', async (t) => {
  const shapes = linearShapes(await tinyShape());
  t.strictSame(
    shapes.map(({ role, outputs, inputs }) => `${role} ${outputs}×${inputs}`),
    ['qkv 128×64', 'o 64×64', 'gate_up 192×64', 'down 64×96', 'lm_head 128×64'],
  );
});

t.test('of a model with experts it is their products that count', async (t) => {
  const config = await parseModelConfig(tinyDir('mixtral'));
  const context = { ...(await cpuContext()), config };
  const cases = runCases(linearCases(context, parseQuantization('int8'), [1, 3]));
  // Each token goes to 2 of 4 experts; an expert's row of 64 values takes 64 bytes and a scale.
  t.strictSame(
    cases.filter(([name]) => name === 'linear gate_up of experts'),
    [
      ['linear gate_up of experts', 1, 0.5 * 4 * 256 * 68 + 4 * (64 + 2 * 256), 2 * 256 * 64],
      ['linear gate_up of experts', 3, 0.875 * 4 * 256 * 68 + 3 * 4 * (64 + 2 * 256), 3 * 2 * 256 * 64],
    ],
  );
  t.equal(cases.filter(([name]) => name === 'linear down of experts').length, 2);
  t.equal(activeShare({ numExperts: 8, topK: 8 }, 1), 1);
});

t.test('a product moves its weight, its activations and its results once each', async (t) => {
  const cases = runCases(linearCases(await cpuContext(), parseQuantization('int4'), [3]));
  t.strictSame(cases.slice(0, 2), [
    ['linear qkv', 3, 128 * (32 + 2 * 2) + 3 * 4 * (64 + 128), 3 * 128 * 64],
    // Adds to what is there, so it is read too.
    ['linear o', 3, 64 * (32 + 2 * 2) + 3 * 4 * (64 + 2 * 64), 3 * 64 * 64],
  ]);
});

t.test('with INT8 activations the layers’ products round them, and nothing else is moved', async (t) => {
  const format = parseQuantization('w4a8');
  const rounded = runCases(linearCases(await cpuContext(), format, [1], 'int8'));
  t.strictSame(rounded, runCases(linearCases(await cpuContext(), format, [1])));
});

t.test('no more rows of logits are computed than a step can have', async (t) => {
  const cases = runCases(linearCases(await cpuContext(), FLOAT_FORMATS.bf16, [1, 70]));
  t.equal(cases.filter(([name]) => name === 'linear lm_head').length, 1);
  t.equal(cases.filter(([name]) => name === 'linear qkv').length, 2);
});

t.test('an embedding moves the rows that it looks up', async (t) => {
  const cases = runCases(embedCases(await cpuContext(), FLOAT_FORMATS.bf16, [2]));
  t.strictSame(cases, [['embed', 2, 2 * (2 * 64 + 4 * 64), null]]);
});
