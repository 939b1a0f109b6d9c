import t from 'tap';
import { orderColumns } from '#halflight/calibrate/column-order.js';
import { parseQuantization } from '#halflight/quant/formats.js';

const [GROUPED, WHOLE] = ['int4-g32', 'int8'].map((name) => ({ format: parseQuantization(name), cols: 70 }));

/** Of 70 columns the greatest are 69, 33, 0 and 68; all others are alike. */
const DIAGONAL = Float64Array.from({ length: 70 }, (_, k) => ({ 69: 9, 33: 8, 0: 7, 68: 6 })[k] ?? 1);

t.test('given: columns as they are', (t) => {
  const { columns, segments, groupIndex } = orderColumns(GROUPED, 'given', DIAGONAL);
  t.strictSame([...columns], [...columns.keys()]);
  t.strictSame(
    segments.map(({ start, end }) => [start, end]),
    [
      [0, 32],
      [32, 64],
      [64, 70],
    ],
  );
  t.equal(groupIndex, null);
  t.end();
});

t.test('activation: the greatest first, in groups of 32 from anywhere', (t) => {
  const { columns, segments, groupIndex } = orderColumns(GROUPED, 'activation', DIAGONAL);
  t.strictSame([...columns.slice(0, 6)], [69, 33, 0, 68, 1, 2]);
  t.strictSame(
    segments.map(({ group }) => group),
    [0, 1, 2],
  );
  t.strictSame(
    [69, 33, 0, 68, 1, 28, 29, 67].map((k) => groupIndex?.[k]),
    [0, 0, 0, 0, 0, 0, 1, 2],
  );
  t.end();
});

t.test('activation: where a row is one group, none is needed to tell', (t) => {
  const { columns, groupIndex } = orderColumns(WHOLE, 'activation', DIAGONAL);
  t.strictSame([...columns.slice(0, 3)], [69, 33, 0]);
  t.equal(groupIndex, null);
  t.end();
});

t.test('groups: every column stays in its group', (t) => {
  const { columns, segments, groupIndex } = orderColumns(GROUPED, 'groups', DIAGONAL);
  t.strictSame(segments, [
    { group: 2, start: 0, end: 6 },
    { group: 1, start: 6, end: 38 },
    { group: 0, start: 38, end: 70 },
  ]);
  t.strictSame([...columns.slice(0, 8)], [69, 68, 64, 65, 66, 67, 33, 32]);
  t.strictSame([...columns.slice(38, 40)], [0, 1]);
  t.equal(groupIndex, null);
  t.end();
});
