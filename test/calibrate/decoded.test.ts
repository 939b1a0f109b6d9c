import t from 'tap';
import { usableWeight } from '#halflight/calibrate/decoded.js';
import { allocate, packRow, rowCodes, storeScale, storeZero } from '#halflight/quant/builder.js';
import { dequantize, parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';

t.test('groups in order are used as they are', (t) => {
  const packed = allocate(parseQuantization('int4'), 1, 32);
  t.equal(usableWeight({ packed, groupIndex: null }), packed);
  t.end();
});

t.test('by hand: columns take turns in two groups, in integers and in a table', (t) => {
  const groupIndex = Uint32Array.from({ length: 64 }, (_, k) => k % 2);
  for (const [format, expected] of [
    [parseQuantization('int4-g32-asym'), [(9 - 3) * 0.5, (9 - 1) * 2]],
    [STORED_FORMATS.iq4_nl, [13 * 0.5, 13 * 2]],
  ] as const) {
    const packed = allocate(format, 1, 64);
    [0.5, 2].forEach((scale, group) => {
      storeScale(packed, group, scale);
      storeZero(packed, group, group === 0 ? 3 : 1);
    });
    packRow(packed, 0, rowCodes(64).fill(9));
    const values = dequantize(usableWeight({ packed, groupIndex }));
    t.strictSame(
      [...values],
      Array.from({ length: 64 }, (_, k) => expected[k % 2]),
    );
  }
  t.end();
});
