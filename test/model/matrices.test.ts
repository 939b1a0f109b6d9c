import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { openGguf } from '#halflight/checkpoint/gguf/checkpoint.js';
import type { LinearNames } from '#halflight/model/config.js';
import { Matrices, type WeightSource } from '#halflight/model/matrices.js';
import { dequantize, parseQuantization } from '#halflight/quant/formats.js';
import type { PackedRows } from '#halflight/quant/packed-rows.js';
import { stackRows } from '#halflight/quant/rows.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import {
  type Coded,
  openWritten,
  packedTensors,
  q4Blocks,
  roundedCodes,
  sameCodes,
  trainedCoded,
  valuesOf,
} from '../checkpoint/quantized/packers.js';
import { ggufBytes, string } from '../support/gguf.js';
import { temporaryFolder } from '../support/models.js';
import { tinyDir } from '../support/tiny.js';

const GATE = 'model.layers.0.mlp.gate_proj.weight';
const CONFIG = { architecture: 'llama', headDim: 16 };
const names = (weight: string): LinearNames => ({ weight, bias: null, layout: 'rows' });

const checkpoint = await openCheckpoint(tinyDir('llama'));
t.teardown(() => checkpoint.close());

function matrices(quantization: string | null, source: WeightSource = checkpoint) {
  const bytes: number[] = [];
  const format = quantization === null ? null : parseQuantization(quantization);
  const options = { quantization: format, onBytes: (read: number) => bytes.push(read) };
  return { bytes, of: new Matrices(source, CONFIG, options) };
}

/** The rows in uneven pieces, stacked again. */
async function inPieces(source: PackedRows) {
  const pieces = [];
  for (let at = 0, size = 1; at < source.rows; at += size, size += 7) {
    pieces.push(await source.read(at, Math.min(size, source.rows - at)));
  }
  return stackRows(pieces)[0];
}

t.test('rows of a matrix are those of the whole, rounded or not', async (t) => {
  const values = await checkpoint.readF32(GATE);
  const plain = matrices(null).of.stored(GATE, 128, 64);
  t.strictSame(dequantize(await inPieces(plain)), values);
  for (const name of ['int4', 'int8', 'int4-g64-asym']) {
    const rounded = matrices(name).of.rounded(names(GATE), 128, 64);
    t.strictSame(await inPieces(rounded), quantizeRtn(values, 128, 64, parseQuantization(name)), name);
  }
});

t.test('bytes count up to those of the tensor, however many rows are read at once', async (t) => {
  const { bytes, of } = matrices(null);
  await inPieces(of.stored(GATE, 128, 64));
  t.equal(bytes.at(-1), 128 * 64 * 2);
  t.ok(bytes.every((count, i) => i === 0 || count > bytes[i - 1]));
});

t.test('what a checkpoint holds in codes is asked for by rows only where it can be', async (t) => {
  const format = parseQuantization('int8');
  const values = await checkpoint.readF32(GATE);
  const whole = quantizeRtn(values, 128, 64, format);
  const info = { ...checkpoint.tensors.get(GATE), format } as never;
  for (const storesRows of [true, undefined] as const) {
    const asked: (number | null)[] = [];
    const source: WeightSource = {
      ...checkpoint,
      tensors: new Map([[GATE, info]]),
      storesRows,
      stored: async (_, rows) => {
        asked.push(rows?.count ?? null);
        if (rows === undefined) return whole;
        const part = values.subarray(rows.start * 64, (rows.start + rows.count) * 64);
        return quantizeRtn(part, rows.count, 64, format);
      },
    };
    // Codes are never rounded to others.
    const read = await inPieces(matrices('int4', source).of.rounded(names(GATE), 128, 64));
    t.strictSame(read, whole);
    t.strictSame(asked, storesRows === true ? [1, 8, 15, 22, 29, 36, 17] : [null]);
  }
});

t.test('a number that cannot be rounded is named by its row of the tensor', async (t) => {
  const source: WeightSource = {
    ...checkpoint,
    readF32: async (name, rows) => {
      const values = await checkpoint.readF32(name, rows);
      if (rows?.start === 64) values[65] = Number.NaN;
      return values;
    },
  };
  const rounded = matrices('int4', source).of.rounded(names(GATE), 128, 64);
  await rounded.read(0, 64);
  await t.rejects(rounded.read(64, 64), { message: /gate_proj\.weight: row 65, column 1 is NaN/ });
});

/** What training left is on the device to the bit, whatever rounding is asked for, though rounding its values again would take other scales. */
async function keepsTrained(t: Test, source: WeightSource, coded: Coded): Promise<void> {
  const { rows, cols } = coded;
  for (const quantization of [null, 'int4-g32', 'int8']) {
    const { of } = matrices(quantization, source);
    sameCodes(t, await of.rounded(names('a.weight'), rows, cols).read(0, rows), coded);
  }
  const four = parseQuantization('int4-g32');
  const format = coded.bits === 4 ? four : ({ ...four, reader: 'int8', bits: 8 } as const);
  const again = roundedCodes(valuesOf(coded), [rows, cols], format);
  const numOther = again.scales.filter((scale, i) => scale !== coded.scales[i]).length;
  t.ok(numOther >= coded.scales.length / 2, `${numOther} of ${coded.scales.length} scales would be others`);
}

for (const bits of [4, 8]) {
  t.test(`${bits} bits of compressed-tensors keep the scales that they were trained with`, async (t) => {
    const coded = trainedCoded({ rows: 20, cols: 96, bits, groupSize: 32 });
    const weights = { num_bits: bits, type: 'int', symmetric: true, strategy: 'group', group_size: 32 };
    const scheme = {
      quant_method: 'compressed-tensors',
      format: 'pack-quantized',
      quantization_status: 'compressed',
      config_groups: { group_0: { targets: ['Linear'], weights } },
    };
    await keepsTrained(t, await openWritten(t, scheme, packedTensors('a', coded, true)), coded);
  });
}

t.test('so does Q4_0 of GGUF', async (t) => {
  const coded = trainedCoded({ rows: 20, cols: 96, bits: 4, groupSize: 32 });
  const file = join(await temporaryFolder(t), 'm.gguf');
  const tensor = { name: 'a.weight', type: 'Q4_0', dims: [96, 20], data: q4Blocks(coded) } as const;
  await writeFile(file, ggufBytes({ 'general.architecture': string('gemma3') }, [tensor]));
  const gguf = await openGguf(file);
  t.teardown(() => gguf.close());
  await keepsTrained(t, gguf, coded);
});
