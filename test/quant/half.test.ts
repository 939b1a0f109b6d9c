import fc from 'fast-check';
import t from 'tap';
import { bf16ToF32, f16Bits, f16ToF32, f16Value, f32ToBf16, f32ToF16 } from '#halflight/quant/half.js';

const allHalves = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** The definition of binary16, in powers of two. */
function f16ByDefinition(half: number): number {
  const sign = half >= 0x8000 ? -1 : 1;
  const exponent = Math.floor(half / 1024) % 32;
  const fraction = (half % 1024) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * 2 ** -14 * fraction : sign * 2 ** (exponent - 15) * (1 + fraction);
}

/** The finite f16 values from 0 up, in order: value i has the bits i. */
const positives = Array.from({ length: 0x7c00 }, (_, i) => f16ByDefinition(i));

/** Nearest by comparing distances with both neighbours; a tie goes to the even bits. */
function nearestF16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  let low = 0;
  let high = positives.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (positives[middle] <= magnitude) low = middle;
    else high = middle;
  }
  const below = magnitude - positives[low];
  const above = positives[high] - magnitude;
  if (below === above) return sign | (low % 2 === 0 ? low : high);
  return sign | (below < above ? low : high);
}

t.test('each of the 65536 f16 patterns widens to the value that the definition gives', (t) => {
  const values = new Float32Array(65536);
  f16ToF32(allHalves, values);
  const wrong = allHalves.filter((half) => !Object.is(values[half], f16ByDefinition(half)));
  t.strictSame([...wrong], []);
  t.strictSame([...allHalves.filter((half) => !Object.is(f16Value(half), f16ByDefinition(half)))], []);
  t.end();
});

t.test('each f16 pattern comes back from f32, NaN as a quiet NaN', (t) => {
  const values = new Float32Array(65536);
  const back = new Uint16Array(65536);
  f16ToF32(allHalves, values);
  f32ToF16(values, back);
  const wrong = allHalves.filter((half) => {
    const isNaNPattern = (half & 0x7fff) > 0x7c00;
    return back[half] !== (isNaNPattern ? half | 0x200 : half);
  });
  t.strictSame([...wrong], []);
  t.end();
});

t.test(
  'the midpoint of neighbours rounds to the even one, and a step of f32 to either side rounds to that side',
  (t) => {
    const wrong: number[] = [];
    for (let low = 0; low < 0x7bff; low++) {
      const middle = (positives[low] + positives[low + 1]) / 2;
      const [below, at, above] = neighbours(middle);
      const even = low % 2 === 0 ? low : low + 1;
      if (f16Bits(below) !== low || f16Bits(at) !== even || f16Bits(above) !== low + 1) wrong.push(low);
    }
    t.strictSame(wrong, []);
    t.end();
  },
);

/** An f32 and the f32s next to it. */
function neighbours(value: number): [number, number, number] {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0];
  const [below, above] = new Float32Array(Uint32Array.of(bits - 1, bits + 1).buffer);
  return [below, value, above];
}

t.test('any f32 rounds to the f16 that a search finds', (t) => {
  const around = fc
    .integer({ min: 0, max: 0xffffffff })
    .map((bits) => new Float32Array(Uint32Array.of(bits).buffer)[0]);
  const inRange = fc.float({ min: -70000, max: 70000, noNaN: true });
  fc.assert(
    fc.property(
      fc.oneof(around, inRange),
      (value) => Number.isNaN(value) || f16Bits(value) === nearestF16(value),
    ),
    { numRuns: 5000 },
  );
  t.end();
});

t.test('infinities, NaN and what overflows', (t) => {
  t.equal(f16Bits(Number.POSITIVE_INFINITY), 0x7c00);
  t.equal(f16Bits(Number.NEGATIVE_INFINITY), 0xfc00);
  t.equal(f16Bits(65519.99), 0x7bff);
  t.equal(f16Bits(65520), 0x7c00);
  t.ok(Number.isNaN(f16Value(f16Bits(Number.NaN))));
  t.equal(f16Bits(-0), 0x8000);
  t.end();
});

t.test('bf16 is the upper half of an f32, rounded to nearest even', (t) => {
  const words = Uint32Array.of(
    0x3f808000,
    0x3f818000,
    0x3f808001,
    0x7f7fffff,
    0x7f800000,
    0x7f800001,
    0x80000000,
  );
  const halves = new Uint16Array(words.length);
  f32ToBf16(new Float32Array(words.buffer), halves);
  t.strictSame([...halves], [0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x7f80, 0x7fc0, 0x8000]);
  t.end();
});

t.test('each bf16 pattern comes back from f32, NaN as a quiet NaN', (t) => {
  const values = new Float32Array(65536);
  const back = new Uint16Array(65536);
  bf16ToF32(allHalves, values);
  f32ToBf16(values, back);
  const wrong = allHalves.filter((half) => back[half] !== ((half & 0x7fff) > 0x7f80 ? half | 0x40 : half));
  t.strictSame([...wrong], []);
  t.end();
});
