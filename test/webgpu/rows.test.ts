import t from 'tap';
import { decodeRows, elementBytes, encodeRows, unpad } from '#halflight/webgpu/rows.js';

const LAYOUT = { cols: 3, stride: 32 } as const;
const VALUES = Float32Array.of(1, -2, 0.5, 4, 5, 65_504);

for (const type of ['f32', 'f16'] as const) {
  t.test(`rows of ${type} come back as they were written, and their padding is zero`, async (t) => {
    const encoded = encodeRows(VALUES, { ...LAYOUT, type });
    t.equal(encoded.byteLength, 2 * 32 * elementBytes(type));
    t.equal(encoded[3], 0);
    t.same(decodeRows(encoded.buffer, { ...LAYOUT, type }), VALUES);
  });
}

t.test('ids are whole words', async (t) => {
  const encoded = encodeRows(Float32Array.of(7, 9), { cols: 1, stride: 32, type: 'u32' });
  t.equal(encoded[32], 9);
  t.same(unpad(Uint32Array.from(encoded), { cols: 1, stride: 32, type: 'u32' }, Uint32Array), [7, 9]);
});

t.test('rows without padding are not copied', async (t) => {
  const whole = new Float32Array(64);
  t.equal(unpad(whole, { cols: 32, stride: 32, type: 'f32' }, Float32Array), whole);
});
