import type { WeightFormat } from '../../quant/weight.js';
import type { Checkpoint, TensorInfo } from '../checkpoint.js';
import type { Fields } from '../fields.js';
import { groupSizeOf, oneOf, refuseUnknown } from './config.js';
import { integerFormat, packIntegers } from './integers.js';
import { type FindMatrices, type QuantizedMatrix, storedName } from './matrix.js';
import { readScales, SCALE_DTYPES, scaleType } from './scales.js';
import { checkShape, type ModuleTensors, matrixShape, modulesWith, tensorError } from './tensors.js';

/** The second spelling of a key is that of the older `quant_config.json`. */
const KEYS =
  'quant_method bits w_bit group_size q_group_size zero_point version backend modules_to_not_convert do_fuse fuse_max_seq_len ' +
  'modules_to_fuse exllama_config';
const BITS = 4;
export const PER_WORD = 32 / BITS;
/** Where the column j of 8 lies in a word, in bits: nibble i holds column [0, 2, 4, 6, 1, 3, 5, 7][i]. */
export const SHIFTS: readonly number[] = [0, 16, 4, 20, 8, 24, 12, 28];

/** AWQ in its `gemm` layout, 4 bits. W[n][k] = (code − zero) · scale. */
export const findAwq: FindMatrices = async (checkpoint, config) => {
  const groupSize = readConfig(config);
  refuseScaledActivations(checkpoint);
  return modulesWith(checkpoint, 'qweight').map((tensors) => findMatrix(tensors, groupSize));
};

function readConfig(config: Fields): number | null {
  refuseUnknown(config, KEYS);
  oneOf(config, config.has('w_bit') ? 'w_bit' : 'bits', [BITS]);
  oneOf(config, 'zero_point', [true]);
  const version = config.string('version', 'gemm');
  if (version.toLowerCase() !== 'gemm')
    throw config.error('version', `${JSON.stringify(version.slice(0, 80))} is not read; known: gemm`);
  return groupSizeOf(config, config.has('q_group_size') ? 'q_group_size' : 'group_size');
}

/** Models with GELU may store what their activations are divided by. */
function refuseScaledActivations({ tensors }: Checkpoint): void {
  for (const info of tensors.values()) {
    if (info.name.endsWith('.act.scales')) throw tensorError(info, 'scaled activations are not read');
  }
}

/** The tensors of a matrix: qweight `[K, N/8]`, qzeros `[G, N/8]`, scales `[G, N]`. */
interface Parts {
  readonly qweight: TensorInfo;
  readonly qzeros: TensorInfo;
  readonly scales: TensorInfo;
}

function findMatrix(tensors: ModuleTensors, groupSize: number | null): QuantizedMatrix {
  const { qweight, qzeros, scales } = findParts(tensors);
  const [cols, words] = matrixShape(qweight);
  const shape = matrixShape(qweight, [words * PER_WORD, cols]);
  const numGroups = groupSize === null ? 1 : Math.ceil(cols / groupSize);
  checkShape(scales, numGroups, shape[0]);
  checkShape(qzeros, numGroups, words);
  const format = integerFormat({
    cols,
    bits: BITS,
    groupSize,
    scaleType: scaleType(scales),
    zeroPoints: true,
    groups: null,
  });
  return {
    module: tensors.module,
    shape,
    storedAs: storedName('AWQ', BITS, groupSize),
    format,
    parts: [qweight, qzeros, scales],
    read: () => readMatrix(tensors, { qweight, qzeros, scales }, groupSize, format),
  };
}

function findParts(tensors: ModuleTensors): Parts {
  return {
    qweight: tensors.expect('qweight', ['I32', 'U32']),
    qzeros: tensors.expect('qzeros', ['I32', 'U32']),
    scales: tensors.expect('scales', SCALE_DTYPES),
  };
}

async function readMatrix(
  tensors: ModuleTensors,
  parts: Parts,
  groupSize: number | null,
  format: WeightFormat,
) {
  const [cols, perRow] = parts.qweight.shape;
  const rows = perRow * PER_WORD;
  const codes = await tensors.words(parts.qweight);
  const zeros = await tensors.words(parts.qzeros);
  const readRow = (n: number, out: Uint8Array) => {
    const shift = SHIFTS[n % PER_WORD];
    for (let k = 0, at = Math.floor(n / PER_WORD); k < cols; k++, at += perRow)
      out[k] = (codes[at] >>> shift) & 15;
  };
  return packIntegers(
    {
      rows,
      cols,
      bits: BITS,
      groupSize,
      groups: null,
      readRow,
      canonical: () => transpose(codes, cols, perRow),
      scales: await readScales(tensors, parts.scales),
      scaleIndex: (n, g) => g * rows + n,
      zero: (n, g) => (zeros[g * perRow + Math.floor(n / PER_WORD)] >>> SHIFTS[n % PER_WORD]) & 15,
    },
    format,
  );
}

/** `[cols][words]` along N to `[rows][words]` along K, 8 columns of 8 rows at a time. @param cols a multiple of 8 */
function transpose(codes: Uint32Array, cols: number, perRow: number): Uint32Array {
  const outWords = cols / PER_WORD;
  const out = new Uint32Array(codes.length);
  for (let c = 0; c < perRow; c++) {
    for (let w = 0; w < outWords; w++) {
      const start = w * PER_WORD * perRow + c;
      for (let j = 0; j < PER_WORD; j++) {
        const shift = SHIFTS[j];
        let word = 0;
        for (let i = 0; i < PER_WORD; i++) word |= ((codes[start + i * perRow] >>> shift) & 15) << (BITS * i);
        out[(c * PER_WORD + j) * outWords + w] = word;
      }
    }
  }
  return out;
}
