import { BY_TOKEN } from '../../quant/rounding.js';
import type { TensorInfo } from '../checkpoint.js';
import { readSchemes, type Scheme } from './compressed-scheme.js';
import { fp8Matrix, isFp8 } from './fp8.js';
import { columnGroups, orderOf, readGroupIndex } from './group-index.js';
import { type IntegerMatrix, integerFormat, packIntegers } from './integers.js';
import { type FindMatrices, type QuantizedMatrix, storedName } from './matrix.js';
import { mxfp4Matrix } from './mxfp4.js';
import { type CodePacking, codeAt, packedWords, unpackLine } from './packing.js';
import { readScales, SCALE_DTYPES, scaleType } from './scales.js';
import {
  checkShape,
  checkType,
  type ModuleTensors,
  matrixShape,
  modulesWith,
  tensorError,
} from './tensors.js';

const NAME = 'compressed-tensors';

/** compressed-tensors: codes are signed in the format's terms, W = (code − zero) · scale. Activations may be rounded to INT8; other types stay floats. */
export const findCompressed: FindMatrices = async (checkpoint, config) => {
  const schemes = readSchemes(config);
  const packed = modulesWith(checkpoint, 'weight_packed');
  const plain = modulesWith(checkpoint, 'weight').filter(
    ({ anchor }) => anchor.dtype === 'I8' || isFp8(anchor),
  );
  const matrices: QuantizedMatrix[] = [];
  for (const tensors of [...packed, ...plain])
    matrices.push(await findMatrix(tensors, schemes.of(tensors.module)));
  return matrices;
};

async function findMatrix(tensors: ModuleTensors, scheme: Scheme): Promise<QuantizedMatrix> {
  const { anchor } = tensors;
  const isPacked = anchor.name.endsWith('.weight_packed');
  if (scheme.type === 'float')
    return isPacked ? mxfp4Matrix(tensors) : fp8Matrix(tensors, `${NAME} FP8`, scheme.block);
  const codes = isPacked ? await packedCodes(tensors, scheme) : byteCodes(tensors, scheme);
  const matrix = await integerMatrix(tensors, scheme, codes);
  const steps = ['input_scale', 'output_scale'].flatMap((suffix) => tensors.find(suffix) ?? []);
  return { ...matrix, ...(await activationsOf(tensors, scheme)), parts: [...matrix.parts, ...steps] };
}

/** How activations are rounded, and with what: `input_scale` and `output_scale` are one number each. */
async function activationsOf(
  tensors: ModuleTensors,
  { inputs, outputs }: Scheme,
): Promise<Pick<QuantizedMatrix, 'rounding' | 'outputStep'>> {
  if (inputs === 'dynamic') return { rounding: BY_TOKEN };
  if (inputs === null) return {};
  const rounding = { scale: await readStep(tensors, 'input_scale'), outliers: null };
  return outputs === 'static'
    ? { rounding, outputStep: await readStep(tensors, 'output_scale') }
    : { rounding };
}

async function readStep(tensors: ModuleTensors, suffix: string): Promise<number> {
  const info = tensors.expect(suffix, SCALE_DTYPES);
  if (info.shape.reduce((product, size) => product * size, 1) !== 1) checkShape(info, 1);
  const step = (await readScales(tensors, info)).value(0);
  if (step > 0) return step;
  throw tensorError(info, `is ${step}, and must be above 0`);
}

/** Integer codes of either layout. */
interface Codes {
  readonly shape: readonly [number, number];
  readonly bits: number;
  /** null for bytes. */
  readonly packing: CodePacking | null;
  /** The tensors that they are read from. */
  readonly parts: readonly TensorInfo[];
  read(): Promise<Pick<IntegerMatrix, 'readRow' | 'canonical'>>;
}

/** `weight_packed` `[N, words]` of code + 2^(bits − 1) along K, and `weight_shape` `[2]`. */
async function packedCodes(tensors: ModuleTensors, { bits }: Scheme): Promise<Codes> {
  const packed = checkType(tensors.anchor, ['I32', 'U32']);
  const shapeInfo = tensors.expect('weight_shape', ['I64', 'I32']);
  const shape = matrixShape(shapeInfo, await readShape(tensors, shapeInfo));
  const [rows, cols] = shape;
  const [, words] = matrixShape(packed);
  const packing = packingOf(bits, cols, words);
  if (packing === null) throw tensorError(packed, `${words} words hold no ${cols} codes of ${bits} bits`);
  checkShape(packed, rows, words);
  const read = async () => {
    const codes = await tensors.words(packed);
    return {
      readRow: (n: number, out: Uint8Array) =>
        unpackLine({ words: codes, start: n * words, stride: 1 }, packing, cols, out),
      canonical: () => codes,
    };
  };
  return { shape, bits, packing, parts: [packed, shapeInfo], read };
}

/** Some writers leave the bits of a word unused that hold no whole code. @param like counts where both ways fit */
function packingOf(
  bits: number,
  count: number,
  words: number,
  like: CodePacking | null = null,
): CodePacking | null {
  const padded = { bits, perWord: Math.floor(32 / bits) };
  const stream = { bits, perWord: null };
  return [like ?? padded, padded, stream].find((packing) => packedWords(count, packing) === words) ?? null;
}

async function readShape(tensors: ModuleTensors, info: TensorInfo): Promise<number[]> {
  checkShape(info, 2);
  const { buffer } = await tensors.bytes(info);
  return info.dtype === 'I64'
    ? Array.from(new BigInt64Array(buffer), Number)
    : Array.from(new Int32Array(buffer));
}

/** `weight` i8 `[N, K]`, also of codes of fewer bits. */
function byteCodes(tensors: ModuleTensors, { bits }: Scheme): Codes {
  const weight = checkType(tensors.anchor, ['I8']);
  const shape = matrixShape(weight);
  const read = async () => {
    const codes = await tensors.bytes(weight);
    if (bits < 8) checkCodes(weight, new Int8Array(codes.buffer), bits);
    const offset = 2 ** (bits - 1);
    return {
      readRow: (n: number, out: Uint8Array) => {
        for (let k = 0; k < shape[1]; k++) out[k] = codes[n * shape[1] + k] + offset;
      },
      canonical: bits < 8 ? null : () => new Uint32Array(codes.buffer).map((word) => word ^ 0x80808080),
    };
  };
  return { shape, bits, packing: null, parts: [weight], read };
}

function checkCodes(info: TensorInfo, codes: Int8Array, bits: number): void {
  const limit = 2 ** (bits - 1);
  const beyond = codes.findIndex((code) => code < -limit || code >= limit);
  if (beyond !== -1) throw tensorError(info, `code ${beyond} is ${codes[beyond]}, beyond ${bits} bits`);
}

async function integerMatrix(tensors: ModuleTensors, scheme: Scheme, codes: Codes): Promise<QuantizedMatrix> {
  const { shape, bits } = codes;
  const { groupSize } = scheme;
  const [rows, cols] = shape;
  const numGroups = groupSize === null ? 1 : Math.ceil(cols / groupSize);
  const scale = tensors.expect('weight_scale', SCALE_DTYPES);
  const scaleIndex = indexScales(scale, rows, numGroups);
  const zero = zeroPoints(tensors, scheme, scale, { rows, numGroups, bits, packing: codes.packing });
  const { groups, parts } = await groupsOf(tensors, scheme, cols, numGroups);
  const form = { cols, bits, groupSize, groups } as const;
  const format = integerFormat({
    ...form,
    scaleType: scaleType(scale),
    zeroPoints: zero !== null,
  });
  return {
    module: tensors.module,
    shape,
    storedAs: storedName(`${NAME} INT`, scheme.bits, groupSize),
    format,
    ...orderOf(groups),
    parts: [...codes.parts, scale, ...(zero === null ? [] : [zero.info]), ...parts],
    read: async () => {
      const scales = await readScales(tensors, scale);
      const zeros = zero === null ? null : await zero.read(scaleIndex);
      const layout = await codes.read();
      const matrix = {
        ...form,
        ...layout,
        rows,
        scales,
        scaleIndex,
        zero: zeros,
      };
      return packIntegers(matrix, format);
    },
  };
}

/** One scale for the tensor, `[N, 1]` for rows, or `[N, G]`. */
function indexScales(scale: TensorInfo, rows: number, numGroups: number): IntegerMatrix['scaleIndex'] {
  const shape = scale.shape.join();
  if (numGroups === 1 && (shape === '' || shape === '1')) return () => 0;
  if (numGroups === 1 && shape === `${rows}`) return (n) => n;
  checkShape(scale, rows, numGroups);
  return (n, g) => n * numGroups + g;
}

interface Zeros {
  readonly info: TensorInfo;
  read(scaleIndex: IntegerMatrix['scaleIndex']): Promise<NonNullable<IntegerMatrix['zero']>>;
}

interface ZeroShape {
  readonly rows: number;
  readonly numGroups: number;
  readonly bits: number;
  /** That of the codes. */
  readonly packing: CodePacking | null;
}

/** `weight_zero_point`: i8 in the shape of the scales, or i32 `[words, G]` packed along the rows with the codes' offset. */
function zeroPoints(
  tensors: ModuleTensors,
  { symmetric }: Scheme,
  scale: TensorInfo,
  shape: ZeroShape,
): Zeros | null {
  if (symmetric && tensors.find('weight_zero_point') === null) return null;
  const info = tensors.expect('weight_zero_point', ['I8', 'I32']);
  if (info.dtype === 'I8') return byteZeros(tensors, info, scale, shape);
  const { rows, numGroups, bits, packing: like } = shape;
  const [words] = matrixShape(info);
  const packing = packingOf(bits, rows, words, like);
  if (packing === null) throw tensorError(info, `${words} words hold no ${rows} zero points of ${bits} bits`);
  checkShape(info, words, numGroups);
  const read = async () => {
    const zeros = await tensors.words(info);
    return (n: number, g: number) => codeAt(zeros, g, numGroups, n, packing);
  };
  return { info, read };
}

function byteZeros(tensors: ModuleTensors, info: TensorInfo, scale: TensorInfo, { bits }: ZeroShape): Zeros {
  checkShape(info, ...scale.shape);
  const offset = 2 ** (bits - 1);
  const read = async (scaleIndex: IntegerMatrix['scaleIndex']) => {
    const zeros = new Int8Array((await tensors.bytes(info)).buffer);
    const beyond = zeros.findIndex((zero) => zero < -offset || zero >= offset);
    if (beyond !== -1)
      throw tensorError(info, `zero point ${beyond} is ${zeros[beyond]}, beyond ${bits} bits`);
    return (n: number, g: number) => zeros[scaleIndex(n, g)] + offset;
  };
  return { info, read };
}

async function groupsOf(
  tensors: ModuleTensors,
  { groupSize, actOrder }: Scheme,
  cols: number,
  numGroups: number,
) {
  if (!actOrder && tensors.find('weight_g_idx') === null) return { groups: null, parts: [] };
  const info = tensors.expect('weight_g_idx', ['I32']);
  checkShape(info, cols);
  const index = await readGroupIndex(tensors, info, groupSize, numGroups);
  return { groups: columnGroups(index, groupSize), parts: [info] };
}
