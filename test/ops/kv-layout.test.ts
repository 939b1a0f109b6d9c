import t from 'tap';
import { inKeyBasis, kvHeadBytes, storedHead } from '#halflight/ops/kv-layout.js';

t.test('a head takes its values, in INT8 one scale more, in INT4 scale and minimum of each 64', (t) => {
  const bytesOf = (headDim: number) =>
    (['f32', 'f16', 'int8', 'int4'] as const).map((type) => kvHeadBytes({ headDim, type }));
  t.strictSame([40, 64, 128].map(bytesOf), [
    [160, 80, 44, 24],
    [256, 128, 68, 36],
    [512, 256, 132, 72],
  ]);
  t.end();
});

t.test('floats give back the nearest value of their type', (t) => {
  const head = Float64Array.of(0.1, 1 + 2 ** -11, -3, 0);
  t.strictSame([...storedHead(head, 'f32')], [...Float32Array.of(0.1, 1 + 2 ** -11, -3, 0)]);
  // 0.1 is 1638.4 · 2⁻¹⁴, and f16 has steps of 2⁻¹⁴ there; the second is a tie, which goes to the even neighbour.
  t.strictSame([...storedHead(head, 'f16')], [1638 / 2 ** 14, 1, -3, 0]);
  t.end();
});

t.test('INT8 gives back whole codes of the greatest value’s 127th part, ties to even', (t) => {
  const head = Float64Array.of(127, -127, 2.5, 3.5, -2.5, -0.5, 0.4, 0);
  t.strictSame(
    [...storedHead(head, 'int8')],
    [127, -127, 2, 4, -2, 0, 0, 0].map((code) => code + 0),
  );
  const scale = Math.fround(0.3 / 127);
  t.strictSame([...storedHead(Float64Array.of(-0.3, 0.1), 'int8')], [-127 * scale, 42 * scale]);
  t.end();
});

t.test('a head of zeros stays one', (t) => {
  t.strictSame([...storedHead(new Float64Array(4), 'int8')], [0, 0, 0, 0]);
  t.end();
});

t.test('INT4 alone keeps q and k in another basis, in which their product is the same', (t) => {
  const [q, k] = [Float64Array.of(1, -2, 3, 0.5), Float64Array.of(4, 1, -1, 2)];
  for (const type of ['f32', 'f16', 'int8'] as const) t.equal(inKeyBasis(q, type), q);
  const [turnedQ, turnedK] = [inKeyBasis(q, 'int4'), inKeyBasis(k, 'int4')];
  t.strictSame([...turnedK], [3, 0, 2, 3]);
  t.equal(
    turnedQ.reduce((sum, value, i) => sum + value * turnedK[i], 0),
    q.reduce((sum, value, i) => sum + value * k[i], 0),
  );
  t.end();
});

t.test('INT4 gives back one of 16 values', (t) => {
  const head = Float64Array.from({ length: 64 }, (_, i) => i);
  t.equal(new Set(storedHead(head, 'int4')).size, 16);
  t.end();
});
