import t from 'tap';
import { randomScales } from '#halflight/bench/random-scales.js';
import { RandomWords } from '#halflight/bench/random-weights.js';
import { FLOAT_FORMATS, STORED_FORMATS } from '#halflight/quant/formats.js';
import { scaleBits } from '#halflight/quant/weight.js';

t.test('scales of every type fill their words, and differ', (t) => {
  for (const [name, format] of Object.entries(STORED_FORMATS)) {
    const random = new RandomWords(1);
    const scales = randomScales((out) => random.fill(out), format, 40, 0.02);
    t.equal(scales.length, (40 * scaleBits(format)) / 32, name);
    t.ok(new Set(scales).size > 4, name);
  }
  t.end();
});

t.test('floats have none', (t) => {
  t.throws(() => randomScales((out) => out, FLOAT_FORMATS.bf16, 1, 1), { name: 'RangeError' });
  t.end();
});
