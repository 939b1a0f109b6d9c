import t from 'tap';
import { TABLES, tablePairs } from '#halflight/quant/tables.js';

t.test('the tables are those of their descriptions', (t) => {
  const [nf4, fp4, mxfp4] = [TABLES.nf4, TABLES.fp4, TABLES.mxfp4].map((table) => [...table]);
  // To the seven digits that the paper's appendix gives.
  t.match(
    nf4.map((value) => value.toFixed(7)),
    ['-1.0000000', '-0.6961928', '-0.5250731', '-0.3949175', '-0.2844414', '-0.1847734', '-0.0910500'],
  );
  t.strictSame([nf4[7], nf4[15]], [0, 1]);
  t.strictSame(
    fp4.slice(0, 8),
    [0, 0.0625, 8, 12, 4, 6, 2, 3].map((value) => Math.fround(value / 12)),
  );
  // Twice E2M1: two bits of exponent around 1, one of mantissa, subnormal where the exponent is 0.
  const e2m1 = (code: number) => (code < 2 ? code / 2 : (1 + (code & 1) / 2) * 2 ** ((code >> 1) - 1));
  t.strictSame(
    mxfp4.slice(0, 8),
    Array.from({ length: 8 }, (_, code) => 2 * e2m1(code)),
  );
  for (const table of [fp4, mxfp4])
    t.strictSame(
      table.slice(8),
      table.slice(0, 8).map((value) => -value),
    );
  t.end();
});

t.test('each byte gives the entry of its low nibble, then of its high one', (t) => {
  const pairs = tablePairs('iq4');
  t.equal(pairs.length, 512);
  t.strictSame([...pairs.slice(2 * 0xf0, 2 * 0xf0 + 2)], [-127, 113]);
  t.strictSame([...pairs.slice(2 * 0x1e, 2 * 0x1e + 2)], [89, -104]);
  t.end();
});
