import t from 'tap';
import { DYNAMIC_MAP, nestScales, withNestedScales } from '#halflight/checkpoint/write/double-quant.js';
import { STORED_FORMATS } from '#halflight/quant/formats.js';

t.test('codes of scales stand for numbers of seven decades, denser where they are larger', (t) => {
  const map = [...DYNAMIC_MAP];
  t.equal(map.length, 256);
  t.ok(map.every((value, i) => i === 0 || value > map[i - 1]));
  t.equal(map[127], 0);
  t.equal(map[255], 1);
  // The middle of the last of 64 parts of 0.1 … 1, and of the one part of 1e-7 … 1e-6; what is stored is f32.
  t.ok(Math.abs(map[254] - (1 - 0.45 / 64)) < 1e-7);
  t.ok(Math.abs(map[128] - 0.55e-6) < 1e-13);
  t.equal(map[0], Math.fround(-(1 - 0.45 / 64)));
  t.end();
});

t.test('scales are off by less than half a step of the largest decade', (t) => {
  const scales = Float32Array.from({ length: 600 }, (_, i) => 0.05 + 0.04 * Math.sin(i * i));
  const { codes, nested, offset } = nestScales(scales);
  t.equal(nested.length, 3);
  const packed = {
    format: STORED_FORMATS['nf4-g64'],
    rows: 600,
    cols: 64,
    codes: new Uint32Array(0),
    scales: null,
    zeros: null,
  };
  const read = new Float32Array(withNestedScales(packed, scales).scales?.buffer as ArrayBuffer);
  for (const [i, scale] of scales.entries()) {
    const expected = Math.fround(Math.fround(DYNAMIC_MAP[codes[i]] * nested[Math.floor(i / 256)]) + offset);
    t.equal(read[i], expected);
    // Negative numbers end at 1 − 0.45 / 64, so the least may be off by that much.
    if (Math.abs(read[i] - scale) > (0.9 / 64) * nested[Math.floor(i / 256)])
      t.fail(`${scale} is ${read[i]}`);
  }
  t.end();
});

t.test('scales that are all alike, as those of zeros, are kept', (t) => {
  const { codes, nested, offset } = nestScales(new Float32Array(5));
  t.strictSame([...codes], [127, 127, 127, 127, 127]);
  t.strictSame([nested[0], offset], [0, 0]);
  t.end();
});
