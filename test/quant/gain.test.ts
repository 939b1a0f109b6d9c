import t from 'tap';
import { parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';
import { keepGain } from '#halflight/quant/gain.js';
import { Grid } from '#halflight/quant/grid.js';
import { scaleFit } from '#halflight/quant/scale-fit.js';
import { Random } from '../support/random.js';

/** Σ q·w / Σ w². */
function gainOf(grid: Grid, values: Float64Array): number {
  const rounded = values.reduce((sum, value) => sum + value * grid.value(grid.code(value)), 0);
  return rounded / values.reduce((sum, value) => sum + value * value, 0);
}

t.test('what least squares make smaller is nearly as large again', (t) => {
  for (const format of ['int3', 'int3-asym', 'int2-asym'].map(parseQuantization)) {
    const gains = { without: 0, kept: 0 };
    for (let seed = 0; seed < 50; seed++) {
      const values = Float64Array.from(new Random(seed).values(64));
      const group = { values, start: 0, end: 64, importance: null };
      const grid = new Grid(format);
      scaleFit(format, { kind: 'search', power: 2 })(grid, group);
      gains.without += gainOf(grid, values) / 50;
      keepGain(grid, group);
      gains.kept += gainOf(grid, values) / 50;
    }
    // With the scale codes change too, which takes back a part.
    t.ok(1 - gains.kept < 0.75 * (1 - gains.without), `${gains.kept} from ${gains.without}`);
  }
  t.end();
});

t.test('numbers that the grid holds exactly, zeros, and powers of two stay', (t) => {
  const grid = new Grid(parseQuantization('int4-asym'));
  grid.set(0.5, 3);
  const exact = Float64Array.from({ length: 16 }, (_, code) => 0.5 * (code - 3));
  keepGain(grid, { values: exact, start: 0, end: 16, importance: null });
  t.match(grid, { scale: 0.5, zero: 3 });
  keepGain(grid, { values: new Float64Array(16), start: 0, end: 16, importance: null });
  t.match(grid, { scale: 0.5, zero: 3 });
  const power = new Grid(STORED_FORMATS.mxfp4);
  power.set(0.5);
  // 5.2 becomes 6: made smaller by that, the scale would be a power of two less.
  keepGain(power, { values: Float64Array.of(5.2), start: 0, end: 1, importance: null });
  t.equal(power.scale, 0.5);
  t.end();
});
