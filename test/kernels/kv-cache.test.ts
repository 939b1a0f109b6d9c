import t, { type Test } from 'tap';
import { CpuOps } from '#halflight/ops/cpu.js';
import { INT4_GROUP, int4Words } from '#halflight/ops/int4.js';
import { kvHeadBytes } from '#halflight/ops/kv-layout.js';
import type { KvCache } from '#halflight/ops/ops.js';
import { f16Value } from '#halflight/quant/half.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { type HeadShape, runRope } from '../support/cases-batch.js';
import { testDevice } from '../support/device.js';
import { Random } from '../support/random.js';

t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

const SHAPES: readonly HeadShape[] = [
  { numHeads: 4, numKvHeads: 2, headDim: 16 },
  { numHeads: 5, numKvHeads: 1, headDim: 40 },
  { numHeads: 4, numKvHeads: 2, headDim: 80 },
];

/** How a type of codes lies in the cache. */
interface Codes {
  readonly type: 'int8' | 'int4';
  /** Of a group whose values differ: the codes of its least and greatest value, or of either. */
  readonly isFull: (codes: readonly number[]) => boolean;
  readonly decode: (cache: KvCache<GPUBuffer>, words: Uint32Array<ArrayBuffer>) => Group[];
}

/** Codes that share a scale: their values are minimum + code · scale. */
interface Group {
  readonly codes: readonly number[];
  readonly scale: number;
  readonly minimum: number;
}

const INT8: Codes = {
  type: 'int8',
  isFull: (codes) => codes.some((code) => Math.abs(code) === 127),
  decode: int8Groups,
};

const INT4: Codes = {
  type: 'int4',
  isFull: (codes) => codes.includes(0) && codes.includes(15),
  decode: int4Groups,
};

for (const codes of [INT8, INT4]) {
  for (const shape of SHAPES) {
    for (const norm of [false, true]) {
      const { headDim } = shape;
      const options = { norm, rotaryDim: norm ? headDim / 4 : headDim, type: codes.type };
      t.test(
        `${codes.type} holds heads of ${headDim}${norm ? ', normalised,' : ''} as the reference does`,
        async (t) => {
          const expected = runRope(new CpuOps(), new Random(7), shape, options).cache;
          const ops = new WebGpuOps(device, 'f32');
          const { cache } = runRope(ops, new Random(7), shape, options);
          for (const part of ['k', 'v'] as const) {
            holds(t, codes, codes.decode(cache, await words(ops, cache, part)), expected[part]);
          }
        },
      );
    }
  }
}

function holds(t: Test, codes: Codes, groups: readonly Group[], expected: Float64Array): void {
  const isUsed = ({ scale }: Group) => scale !== 0;
  t.ok(groups.filter(isUsed).every((group) => codes.isFull(group.codes)));
  let at = 0;
  const distances = groups.map((group) => {
    at += group.codes.length;
    return distancesOf(group, expected.subarray(at - group.codes.length, at));
  });
  t.equal(at, expected.length);
  t.ok(distances.every((distance, i) => isUsed(groups[i]) || Math.max(...distance) === 0));
  // A value near a tie may take the neighbouring code. Scales differ by 1e-6 of 127 codes, or by 2⁻¹⁰ of 15, and minimums as much.
  const written = distances.filter((_, i) => isUsed(groups[i])).flat();
  t.ok(written.length > 0 && Math.max(...written) <= 1.03, `off by ${Math.max(...written)} codes`);
  // The middle of INT4's least and greatest value is a tie, 7.5, and half of INT8's greatest one, 63.5: one value in 200 to 500 here, for they
  // are multiples of 1/512 and sums of such. Other ties are met by chance.
  const numOff = written.filter((distance) => distance > 0.5).length;
  t.ok(numOff <= written.length / 100, `${numOff} of ${written.length} codes are others`);
}

/** How far each code is from the expected value, in codes; a slot that was not written has codes and scale 0. */
function distancesOf({ codes, scale, minimum }: Group, expected: Float64Array): number[] {
  return codes.map((code, i) =>
    Math.abs(code - (scale === 0 ? expected[i] : (expected[i] - minimum) / scale)),
  );
}

async function words(
  ops: WebGpuOps,
  cache: KvCache<GPUBuffer>,
  part: 'k' | 'v',
): Promise<Uint32Array<ArrayBuffer>> {
  const size = (numHeadsOf(cache) * kvHeadBytes(cache)) / 4;
  const tensor = { data: cache[part], rows: 1, cols: size, stride: size, type: 'u32' } as const;
  return (await ops.readWords(tensor, 1)).words;
}

function numHeadsOf({ numBlocks, numKvHeads, blockSize }: KvCache<GPUBuffer>): number {
  return numBlocks * numKvHeads * blockSize;
}

/** A head each, `[block][kvHead][slot]`. */
function int8Groups(
  { headDim, blockSize, ...cache }: KvCache<GPUBuffer>,
  data: Uint32Array<ArrayBuffer>,
): Group[] {
  const groupWords = blockSize * (headDim / 4 + 1);
  return Array.from({ length: cache.numBlocks * cache.numKvHeads }, (_, group) =>
    Array.from({ length: blockSize }, (_, slot) => ({
      codes: [...new Int8Array(data.buffer, 4 * group * groupWords + slot * headDim, headDim)],
      scale: new Float32Array(data.buffer)[group * groupWords + (blockSize * headDim) / 4 + slot],
      minimum: 0,
    })),
  ).flat();
}

/** 64 values each, or what a head has left, `[block][kvHead][slot]`. */
function int4Groups(cache: KvCache<GPUBuffer>, data: Uint32Array<ArrayBuffer>): Group[] {
  const headWords = int4Words(cache.headDim);
  return Array.from({ length: numHeadsOf(cache) }, (_, head) =>
    groupsOfHead(data.subarray(head * headWords, (head + 1) * headWords), cache.headDim),
  ).flat();
}

function groupsOfHead(head: Uint32Array, headDim: number): Group[] {
  const groups: Group[] = [];
  for (let left = headDim, at = 0; left > 0; left -= INT4_GROUP, at += 1 + INT4_GROUP / 8) {
    const size = Math.min(left, INT4_GROUP);
    const code = (i: number) => (head[at + 1 + Math.floor(i / 8)] >>> (4 * (i % 8))) & 15;
    groups.push({
      codes: Array.from({ length: size }, (_, i) => code(i)),
      scale: f16Value(head[at] & 0xffff),
      minimum: f16Value(head[at] >>> 16),
    });
  }
  return groups;
}
