import t from 'tap';
import { GrammarError } from '#halflight/grammar/grammar-error.js';
import { decimalRange, integerRange } from '#halflight/grammar/number-range.js';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();
const BOUNDS = [
  [0, 9],
  [1, 120],
  [-5, 5],
  [-120, -7],
  [99, 1001],
  [0, 0],
  [-1, 0],
  [10, 10],
  [7, 70_000],
  [-3, 1_000_000],
];
const NEAR = (bound: number) => [-11, -10, -2, -1, 0, 1, 2, 10, 11].map((step) => bound + step);

t.test('whole numbers fit where they are within their bounds', async (t) => {
  for (const [minimum, maximum] of BOUNDS) {
    const schema = { type: 'integer', minimum, maximum };
    for (const value of [...NEAR(minimum), ...NEAR(maximum), Math.round((minimum + maximum) / 2)]) {
      const fits = (await judge.valueMisfits(schema, [value])).length === 0;
      if (fits !== (value >= minimum && value <= maximum))
        t.fail(`${value} in ${minimum}..${maximum}: ${fits}`);
    }
    t.pass(`${minimum} to ${maximum}`);
  }
});

t.test('exclusive bounds leave themselves out', async (t) => {
  const schema = { type: 'integer', exclusiveMinimum: 2, exclusiveMaximum: 11 };
  t.strictSame(await judge.valueMisfits(schema, [2, 3, 10, 11]), ['2', '11']);
});

t.test('decimals fit only where they are within their bounds', async (t) => {
  for (const [minimum, maximum] of [
    [0, 1],
    [-0.5, 0.25],
    [2.5, 100.125],
    [-10, -2],
  ] as const) {
    const schema = { type: 'number', minimum, maximum };
    const values = [
      minimum,
      maximum,
      (minimum + maximum) / 2,
      minimum - 0.01,
      maximum + 0.01,
      maximum * 10 + 11,
    ];
    const misfits = new Set(await judge.valueMisfits(schema, values));
    for (const value of values)
      t.equal(
        misfits.has(String(value)),
        value < minimum || value > maximum,
        `${value} in ${minimum}..${maximum}`,
      );
  }
});

t.test('one bound leaves the other side open', async (t) => {
  t.strictSame(await judge.valueMisfits({ minimum: 3, type: 'integer' }, [2, 3, 12_345]), ['2']);
  t.strictSame(await judge.valueMisfits({ maximum: 3, type: 'number' }, [3.5, 3, -1.5e3]), ['3.5']);
});

t.test('bounds that leave nothing, or that no double holds, are refused', (t) => {
  const bound = (value: number) => ({ value, isExclusive: false });
  t.throws(() => integerRange(bound(3), bound(2)), GrammarError);
  t.throws(() => integerRange(bound(0), bound(1e18)), GrammarError);
  t.throws(() => decimalRange(bound(1), bound(0)), GrammarError);
  t.end();
});
