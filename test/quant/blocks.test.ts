import t from 'tap';
import { blockBytes } from '#halflight/checkpoint/gguf/pack.js';
import { packedFormat } from '#halflight/checkpoint/gguf/repack.js';
import { BYTE_ROUNDING, middleRounding, roundBlocks, SPAN_ROUNDING } from '#halflight/quant/blocks.js';
import { dequantize } from '#halflight/quant/formats.js';
import { QUANTIZED_SIZE, quantizedBlocks, quantizedValues } from '../support/quantized-gguf.js';

const ROUNDINGS = {
  Q4_0: middleRounding(4),
  Q5_0: middleRounding(5),
  Q5_1: SPAN_ROUNDING,
  Q8_0: BYTE_ROUNDING,
} as const;

for (const type of ['Q4_0', 'Q5_0', 'Q5_1', 'Q8_0'] as const) {
  t.test(`${type}: codes and scales are those of llama-quantize, byte by byte`, (t) => {
    const shape = { ...QUANTIZED_SIZE, format: packedFormat(type) };
    const packed = roundBlocks(quantizedValues(), shape, ROUNDINGS[type], null);
    t.ok(quantizedBlocks(type).equals(blockBytes(type, packed)));
    t.end();
  });
}

t.test('a block of zeros stays zeros', (t) => {
  for (const type of ['Q4_0', 'Q5_0', 'Q5_1', 'Q8_0'] as const) {
    const shape = { rows: 1, cols: 32, format: packedFormat(type) };
    const packed = roundBlocks(new Float32Array(32), shape, ROUNDINGS[type], null);
    t.ok(
      dequantize(packed).every((value) => value === 0),
      type,
    );
  }
  t.end();
});
