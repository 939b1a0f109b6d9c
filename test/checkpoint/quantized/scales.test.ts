import t from 'tap';
import { f32Scales, packScales, readScales, scaleType } from '#halflight/checkpoint/quantized/scales.js';
import { modulesWith } from '#halflight/checkpoint/quantized/tensors.js';
import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
import { openWritten } from './packers.js';

const TENSORS: readonly TensorData[] = [
  { name: 'a.half', dtype: 'F16', shape: [2], data: Uint16Array.of(0x3c00, 0xb800) },
  { name: 'a.brain', dtype: 'BF16', shape: [2], data: Uint16Array.of(0x3f80, 0xbf00) },
  { name: 'a.full', dtype: 'F32', shape: [2], data: Float32Array.of(1, -0.5) },
  { name: 'a.wrong', dtype: 'F16', shape: [2], data: Uint16Array.of(0, 0x7e00) },
];

t.test('scales keep their values: f16 stays, BF16 and F32 become f32', async (t) => {
  const checkpoint = await openWritten(t, null, TENSORS);
  for (const [suffix, type] of [
    ['half', 'f16'],
    ['brain', 'f32'],
    ['full', 'f32'],
  ]) {
    const [tensors] = modulesWith(checkpoint, suffix);
    const scales = await readScales(tensors, tensors.anchor);
    t.equal(scales.type, type);
    t.equal(scaleType(tensors.anchor), type);
    t.strictSame([scales.value(0), scales.value(1)], [1, -0.5]);
    t.strictSame([...scales.bits], type === 'f16' ? [0x3c00, 0xb800] : [0x3f800000, 0xbf000000]);
  }
});

t.test('a scale that is no number is named by its tensor', async (t) => {
  const checkpoint = await openWritten(t, null, TENSORS);
  const [tensors] = modulesWith(checkpoint, 'wrong');
  await t.rejects(readScales(tensors, tensors.anchor), {
    name: 'CheckpointError',
    message: /a\.wrong: scale 1 is NaN/,
  });
  t.throws(() => f32Scales(tensors.anchor, Float32Array.of(Number.POSITIVE_INFINITY)), {
    message: /scale 0 is Infinity/,
  });
});

t.test('scales go to their groups, two f16 in a word', (t) => {
  const scales = { type: 'f16', bits: Uint16Array.of(10, 11, 12), value: () => 0 } as const;
  const words = packScales(scales, { rows: 3, groups: 1 }, (n) => 2 - n);
  t.strictSame([...words], [12 | (11 << 16), 10]);
  t.end();
});
