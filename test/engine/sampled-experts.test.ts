import t from 'tap';
import { modelProducts } from '#halflight/engine/autotune.js';
import { cpuBackend } from '#halflight/engine/backend.js';
import { loadDeviceModel } from '#halflight/engine/device-model.js';
import {
  expectedExpertOutputs,
  firstExpert,
  hasExperts,
  inputRows,
  leastTokens,
  outputRows,
  routeToSampled,
} from '#halflight/engine/sampled-experts.js';
import { Random } from '../support/random.js';
import { tinyOptions } from '../support/tiny.js';

const device = await loadDeviceModel(
  cpuBackend(),
  tinyOptions('gpt_oss'),
  { maxLogits: 1, maxSampled: 1 },
  () => undefined,
);
const { ops } = device.backend;
const products = modelProducts(device.model, device.activations);
const ofExperts = products.filter(hasExperts);
const NUM_TOKENS = 5;

t.test('a layer with experts has a router and two products of routes', (t) => {
  t.equal(products.length, 5 * device.model.layers.length + 1);
  t.equal(ofExperts.length, 2 * device.model.layers.length);
  t.equal(inputRows(ofExperts[0], 3), 3);
  t.equal(inputRows(ofExperts[1], 3), 6);
  t.equal(outputRows(ofExperts[0], 3), 6);
  t.equal(outputRows(products[0], 3), 3);
  t.strictSame([products[0], ofExperts[0]].map(leastTokens), [1, 2]);
  t.end();
});

for (const product of ofExperts.slice(0, 2)) {
  t.test(`sampled outputs of experts are those of a step, of ${product.experts.of}`, async (t) => {
    const { routing } = product.experts;
    const logits = device.activations.experts?.logits;
    const sample = device.model.samples.get(product.weight);
    if (logits === undefined || sample === undefined) throw new Error('nothing is sampled');
    routeToSampled(ops, product, logits, NUM_TOKENS);
    for (let token = 0; token < NUM_TOKENS; token++) {
      t.equal(routing.experts.data[token * routing.experts.stride], firstExpert(routing, token));
    }
    const x = new Random(1).values(inputRows(product, NUM_TOKENS) * product.x.cols);
    const expected = await expectedExpertOutputs(ops, product, sample, { numTokens: NUM_TOKENS, x });
    ops.write(product.x, x);
    ops.linear({ ...product, rows: NUM_TOKENS, accumulate: false });
    const got = await ops.read(product.out, outputRows(product, NUM_TOKENS));
    t.equal(expected.length, 2, 'of the first expert and of the last');
    t.strictSame(
      [...new Set(expected.flatMap(({ outputs }) => outputs.map(({ token }) => token)))],
      [0, 4, 8, 2, 6],
    );
    for (const { token, output, value } of expected.flatMap(({ outputs }) => outputs)) {
      // Of one token the same rows, in f64 and rounded to f32 when they are read.
      t.equal(got[token * product.out.cols + output], Math.fround(value), `output ${output} of row ${token}`);
    }
  });
}
