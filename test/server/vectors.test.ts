import t from 'tap';
import { type VectorForm, vectorJson } from '#halflight/server/vectors.js';

const FORM: VectorForm = { dimensions: null, normalize: true, encoding: 'float' };
const values = Float32Array.of(3, 0, 4, 1 / 1024);
const read = (form: Partial<VectorForm>) => JSON.parse(vectorJson(values, { ...FORM, ...form })) as unknown;
const lengthOf = (vector: readonly number[]) => Math.hypot(...vector);

t.test('a vector has length 1, also where it was cut off', (t) => {
  t.ok(Math.abs(lengthOf(read({}) as number[]) - 1) < 1e-7, 'f32 has 24 bits');
  t.same(read({ dimensions: 2 }), [1, 0]);
  t.same(read({ normalize: false }), [3, 0, 4, 1 / 1024]);
  t.same(read({ normalize: false, dimensions: 1 }), [3]);
  t.equal(vectorJson(new Float32Array(2), FORM), '[0,0]', 'none of it is no number');
  t.end();
});

t.test('numbers are those whose bytes base64 has', (t) => {
  const numbers = read({}) as number[];
  const bytes = Buffer.from(read({ encoding: 'base64' }) as string, 'base64');
  t.same(
    numbers.map(Math.fround),
    numbers.map((_, i) => bytes.readFloatLE(4 * i)),
  );
  t.equal(bytes.length, 16);
  t.end();
});
