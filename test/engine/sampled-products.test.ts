import t from 'tap';
import { type ExpectedOutput, expectedOutputs, tensorsOf } from '#halflight/engine/sampled-products.js';
import { Samples } from '#halflight/model/samples.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { wholeRows } from '#halflight/quant/packed-rows.js';
import type { LinearProduct } from '#halflight/webgpu/autotune.js';
import { Random } from '../support/random.js';
import { randomWeight } from '../support/weights.js';

const COLS = 48;
const ROWS = 20;
const TOKENS = 3;

type Product = LinearProduct<Float64Array>;

/** Outputs expected of a product, and those that the operation gives in full. */
async function outputsOf(changes: (ops: CpuOps, random: Random) => Partial<Product>) {
  const ops = new CpuOps();
  const random = new Random(1);
  const packed = randomWeight(random, 'int4-g32', ROWS, COLS);
  const samples = new Samples<Float64Array>();
  const weight = await samples.taking([['w', ROWS]], [wholeRows(packed, async () => packed)], (sources) =>
    ops.loadWeight(sources),
  );
  const product: Product = {
    x: ops.tensor(TOKENS, COLS, 'f32', 'activations'),
    weight,
    bias: ops.constant(random.values(ROWS), 1, ROWS),
    out: ops.tensor(TOKENS, ROWS, 'f32', 'activations'),
    ...changes(ops, random),
  };
  const sample = samples.of.get(weight);
  if (sample === undefined) throw new Error('not sampled');
  const x = random.values(TOKENS * COLS);
  const expected = await expectedOutputs(ops, product, sample, { numTokens: TOKENS, x });
  ops.write(product.x, x);
  ops.linear({ ...product, rows: TOKENS, accumulate: false });
  const { data, stride } = product.out;
  return { expected, got: ({ token, output }: ExpectedOutput) => data[token * stride + output] };
}

const CASES: Readonly<Record<string, (ops: CpuOps, random: Random) => Partial<Product>>> = {
  'a product with a bias': () => ({}),
  'a normalised product': (ops, random) => ({
    norm: {
      weight: ops.constant(random.values(COLS), 1, COLS),
      bias: ops.constant(random.values(COLS), 1, COLS),
      eps: 1e-5,
      out: ops.tensor(TOKENS, COLS, 'f32', 'activations'),
    },
  }),
  'a gated product': (ops) => ({
    out: ops.tensor(TOKENS, ROWS / 2, 'f32', 'activations'),
    gated: ops.tensor(TOKENS, ROWS, 'f32', 'activations'),
  }),
  'a product with an activation and no gates': (ops) => ({
    gated: ops.tensor(TOKENS, ROWS, 'f32', 'activations'),
    activation: 'gelu',
  }),
  'a product of INT8 activations': (ops) => ({ codes: ops.tensor(TOKENS, COLS, 'u32', 'activations') }),
};

for (const [name, changes] of Object.entries(CASES)) {
  t.test(`${name}: sampled outputs are those of the whole product`, async (t) => {
    const { expected, got } = await outputsOf(changes);
    t.equal(expected.length, TOKENS * (name === 'a gated product' ? 2 : 4));
    for (const output of expected) {
      // The reference's weights are rounded to f32 once.
      t.ok(
        Math.abs(got(output) - output.value) <= 1e-6 * output.magnitude,
        `${got(output)} for ${output.value}`,
      );
      t.ok(output.magnitude >= Math.abs(output.value) && output.magnitude < 1e4, String(output.magnitude));
    }
  });
}

t.test('an output of gates is of two tensors, any other of one', async (t) => {
  const ops = new CpuOps();
  const sample = { nameOf: (row: number) => (row < ROWS / 2 ? 'gate' : 'up'), rows: new Map() };
  const weight = { rows: ROWS, cols: COLS, parts: [] };
  const room = (cols: number) => ops.tensor(1, cols, 'f32', 'activations');
  const product = { x: room(COLS), weight, bias: null, out: room(ROWS) };
  t.equal(tensorsOf(product, sample)(3), 'gate');
  t.equal(tensorsOf({ ...product, out: room(ROWS / 2), gated: room(ROWS) }, sample)(3), 'gate, up');
});
