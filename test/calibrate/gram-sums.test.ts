import t from 'tap';
import { GramSums } from '#halflight/calibrate/gram-sums.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { Random } from '../support/random.js';
import { hessianOf } from './support.js';

const COLS = 50;

t.test('bands of rows make up the Hessian of all tokens, and a reset begins anew', async (t) => {
  const ops = new CpuOps();
  const x = ops.tensor(9, COLS, 'f32', 'activations');
  const inputs = new Random(1).values(9 * COLS);
  const expected = hessianOf(Float64Array.from([...inputs, ...inputs.slice(0, 4 * COLS)]), COLS);
  // One band; bands of 7 rows; of one, where not even a row fits.
  for (const maxBytes of [2 ** 20, 7 * 4 * COLS, 16]) {
    const sums = new GramSums(ops, COLS, maxBytes);
    ops.write(
      x,
      inputs.map((value) => 3 * value),
    );
    sums.add(x, 9);
    sums.reset();
    ops.write(x, inputs);
    sums.add(x, 9);
    sums.add(x, 4);
    const hessian = await sums.hessian(13);
    // Sums are read as f32.
    t.ok(hessian.every((value, i) => Math.abs(value - expected[i]) < 1e-6));
    t.equal(hessian.length, COLS * COLS);
    t.equal(sums.readBytes, 4 * COLS * Math.min(COLS, Math.max(1, Math.floor(maxBytes / (4 * COLS)))));
  }
});
