import t from 'tap';
import { kvHeadBytes, storedHead } from '#halflight/ops/kv-layout.js';

t.test('a head takes its values, in INT8 one scale more', (t) => {
  const bytes = (['f32', 'f16', 'int8'] as const).map((type) => kvHeadBytes({ headDim: 40, type }));
  t.strictSame(bytes, [160, 80, 44]);
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
