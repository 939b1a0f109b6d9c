import t from 'tap';
import { Samples } from '#halflight/model/samples.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { dequantize } from '#halflight/quant/formats.js';
import { chunksOf, type PackedRows, wholeRows } from '#halflight/quant/packed-rows.js';
import { Random } from '../support/random.js';
import { randomWeight } from '../support/weights.js';

const COLS = 64;
const source = (format: string, rows: number) => {
  const weight = randomWeight(new Random(rows), format, rows, COLS);
  return { weight, rows: wholeRows(weight, async () => weight) };
};

/** Reads the sources in pieces, as a device does. */
async function load(sources: readonly PackedRows[]) {
  for (const each of sources) for await (const _ of chunksOf(each, 0, each.rows, 1));
  return new CpuOps().weight([]);
}

t.test(
  'first and last rows of all, of each half and of each format are kept, decoded, with their tensors',
  async (t) => {
    const samples = new Samples<Float64Array>();
    const [gate, up] = [source('int4-g32', 70), source('bf16', 70)];
    const named = [
      ['m.0.gate', 70],
      ['m.0.up', 70],
    ] as const;
    const weight = await samples.taking(named, [gate.rows, up.rows], load);
    const sample = samples.of.get(weight);
    t.strictSame(
      [...(sample?.rows.keys() ?? [])].sort((a, b) => a - b),
      [0, 69, 70, 139],
    );
    const rowOf = (values: Float32Array, row: number) =>
      Float64Array.from(values.subarray(row * COLS, (row + 1) * COLS));
    t.strictSame(sample?.rows.get(69)?.map(Math.fround), rowOf(dequantize(gate.weight), 69));
    t.strictSame(sample?.rows.get(70), rowOf(dequantize(up.weight), 0));
    t.strictSame(
      [0, 69, 70, 139].map((row) => sample?.nameOf(row)),
      ['m.0.gate', 'm.0.gate', 'm.0.up', 'm.0.up'],
    );
  },
);

t.test('of experts the first and the last are kept', async (t) => {
  const samples = new Samples<Float64Array>();
  const { rows } = source('int8', 120);
  const weight = await samples.taking([['experts', 120]], [rows], load, 40);
  const kept = [...(samples.of.get(weight)?.rows.keys() ?? [])];
  t.strictSame(
    kept.sort((a, b) => a - b),
    [0, 19, 20, 39, 80, 99, 100, 119],
  );
});

t.test('of weights of one role and format only the first is sampled, and all are named', async (t) => {
  const samples = new Samples<Float64Array>();
  const take = (name: string, format: string) =>
    samples.taking([[name, 40]], [source(format, 40).rows], load).then((weight) => samples.of.get(weight));
  t.equal((await take('layers.0.fc1.weight', 'int8'))?.rows.size, 4);
  const again = await take('layers.1.fc1.weight', 'int8');
  t.equal(again?.rows.size, 0);
  t.equal(again?.nameOf(3), 'layers.1.fc1.weight');
  t.equal((await take('layers.2.fc1.weight', 'bf16'))?.rows.size, 4);
  t.equal((await take('layers.0.fc2.weight', 'int8'))?.rows.size, 4);
});
