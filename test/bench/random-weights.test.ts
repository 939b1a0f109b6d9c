import t from 'tap';
import { BENCH_FORMATS, namedFormat } from '#halflight/bench/kernels.js';
import { RandomWords, randomPacked, randomValues } from '#halflight/bench/random-weights.js';
import { dequantize } from '#halflight/quant/formats.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import { weightBytes } from '#halflight/quant/weight.js';

const [ROWS, COLS] = [48, 768];
const RMS = 0.5 / Math.sqrt(COLS);

for (const name of BENCH_FORMATS) {
  t.test(
    `${name}: random weights are finite, around 0, and of the size that keeps activations in range`,
    async (t) => {
      const weight = randomPacked(new RandomWords(1), namedFormat(name), ROWS, COLS);
      const values = dequantize(weight);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
      t.ok(values.every(Number.isFinite));
      // The mean of integer codes lies half a step below 0 or above it: at 2 bits 0.43 of the root mean square.
      const halfStep = Math.sqrt(12) / 2 / 2 ** weight.format.bits;
      t.ok(Math.abs(mean) < (0.1 + halfStep) * RMS, `mean ${mean}`);
      // Floats have one exponent, the power of two at or below RMS, so their values lie between half of RMS and twice it.
      t.ok(rms > 0.5 * RMS && rms < 2 * RMS, `${rms} against ${RMS}`);
    },
  );
}

t.test('random weights lie in memory as quantized ones do', async (t) => {
  for (const name of ['int8', 'int8-g128', 'int4', 'int4-asym']) {
    const format = namedFormat(name);
    const real = quantizeRtn(randomValues(new RandomWords(2), ROWS * COLS), ROWS, COLS, format);
    const made = randomPacked(new RandomWords(1), format, ROWS, COLS);
    t.equal(weightBytes(made), weightBytes(real), name);
    t.equal(made.zeros === null, real.zeros === null);
  }
});

t.test('a seed gives the same weights again, another seed others', async (t) => {
  const codes = (seed: number) => randomPacked(new RandomWords(seed), namedFormat('int4'), 4, 64).codes;
  t.strictSame(codes(1), codes(1));
  t.notSame(codes(1), codes(2));
  t.ok(
    codes(0).some((word) => word !== 0),
    'also seed 0',
  );
});

t.test('columns that need padding are refused: random padding would not decode to 0', async (t) => {
  t.throws(() => randomPacked(new RandomWords(1), namedFormat('int4'), 4, 33), { name: 'RangeError' });
});
