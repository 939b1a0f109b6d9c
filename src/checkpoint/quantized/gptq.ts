import type { WeightFormat } from '../../quant/weight.js';
import type { TensorInfo } from '../checkpoint.js';
import type { Fields } from '../fields.js';
import { groupSizeOf, modulePattern, oneOf, refuseUnknown } from './config.js';
import { type ColumnGroups, columnGroups, orderOf, readGroupIndex } from './group-index.js';
import { type IntegerMatrix, integerFormat, packIntegers } from './integers.js';
import { type FindMatrices, type QuantizedMatrix, storedName } from './matrix.js';
import { type CodePacking, codeAt, packedWords, unpackLine } from './packing.js';
import { readScales, SCALE_DTYPES, scaleType } from './scales.js';
import { checkShape, type ModuleTensors, matrixShape, modulesWith, tensorError } from './tensors.js';

/** Keys that are read here, and those that tell how the codes were found. */
const KEYS =
  'quant_method bits group_size desc_act sym lm_head checkpoint_format format dynamic pack_dtype static_groups true_sequential damp_percent ' +
  'damp_auto_increment model_name_or_path model_file_base_name meta dataset tokenizer batch_size block_name_to_quantize ' +
  'module_name_preceding_first_block modules_in_block_to_quantize use_cuda_fp16 model_seqlen exllama_config max_input_length ' +
  'cache_block_outputs disable_exllama use_exllama backend mse parallel_packing act_group_aware v2 pad_token_id hyb_act';
const OVERRIDES =
  'bits group_size desc_act sym mse damp_percent damp_auto_increment static_groups true_sequential';
const BITS = [4, 2, 3, 8] as const;

/** How one module is quantized. */
interface Scheme {
  readonly bits: number;
  readonly groupSize: number | null;
  readonly symmetric: boolean;
  /** Whether columns are quantized in an order of their own, so that their groups must be told. */
  readonly actOrder: boolean;
  /** Whether zero points are stored as they are, not less one. */
  readonly v2: boolean;
}

/** An entry of `dynamic`: modules whose path matches have a scheme of their own, or none. */
interface Rule {
  readonly key: string;
  readonly pattern: RegExp;
  readonly scheme: Scheme | null;
}

/** What is read of a module before its codes. */
interface Module {
  readonly tensors: ModuleTensors;
  readonly scheme: Scheme;
  readonly shape: readonly [number, number];
  readonly packing: CodePacking;
  readonly qweight: TensorInfo;
  readonly qzeros: TensorInfo;
  readonly scales: TensorInfo;
  /** Where the groups' columns do not follow one another, these. */
  readonly groups: ColumnGroups | null;
  /** What is added to a stored zero point. */
  readonly zeroOffset: 0 | 1;
  /** Whether every zero point is 2^(bits − 1). */
  readonly symmetric: boolean;
}

/** GPTQ of 2, 3, 4 and 8 bits, both versions of its zero points. W[n][k] = scales[g_idx[k]][n] · (code − zero). */
export const findGptq: FindMatrices = async (checkpoint, config) => {
  refuseUnknown(config, KEYS);
  oneOf(config, 'pack_dtype', ['int32']);
  const label = config.has('format') ? 'format' : 'checkpoint_format';
  const v2 = oneOf(config, label, ['gptq', 'gptq_v2']) === 'gptq_v2';
  const base = schemeOf(config, v2);
  const rules = dynamicRules(config, v2);
  const matrices: QuantizedMatrix[] = [];
  for (const tensors of modulesWith(checkpoint, 'qweight')) {
    matrices.push(await findMatrix(tensors, moduleScheme(config, tensors.module, base, rules)));
  }
  return matrices;
};

function schemeOf(config: Fields, v2: boolean): Scheme {
  return {
    bits: oneOf(config, 'bits', BITS),
    groupSize: groupSizeOf(config, 'group_size'),
    symmetric: config.boolean('sym', true),
    actOrder: config.boolean('desc_act', false),
    v2,
  };
}

/** `-:pattern` leaves modules as they are, `+:pattern` or a bare pattern gives them keys of their own. The first that matches counts. */
function dynamicRules(config: Fields, v2: boolean): Rule[] {
  if (!config.has('dynamic')) return [];
  const dynamic = config.child('dynamic');
  return dynamic.keys().map((key) => {
    const skips = key.startsWith('-:');
    const pattern = modulePattern(dynamic, key, key.replace(/^[-+]:/, ''));
    return { key, pattern, scheme: skips ? null : overridden(config, dynamic.child(key), v2) };
  });
}

function overridden(config: Fields, changes: Fields, v2: boolean): Scheme {
  refuseUnknown(changes, OVERRIDES);
  const defaults = Object.fromEntries(config.keys().map((key) => [key, config.raw(key)]));
  return schemeOf(changes.withDefaults(defaults), v2);
}

function moduleScheme(config: Fields, module: string, base: Scheme, rules: readonly Rule[]): Scheme {
  const rule = rules.find(({ pattern }) => pattern.test(module));
  if (rule === undefined) return base;
  if (rule.scheme !== null) return rule.scheme;
  throw config.error(`dynamic.${rule.key}`, `leaves out ${module}, which has codes all the same`);
}

async function findMatrix(tensors: ModuleTensors, scheme: Scheme): Promise<QuantizedMatrix> {
  const module = await openModule(tensors, scheme);
  const { shape, groups, qweight, qzeros, scales } = module;
  const { bits, groupSize } = scheme;
  const format = integerFormat({
    cols: shape[1],
    bits,
    groupSize,
    scaleType: scaleType(scales),
    zeroPoints: !module.symmetric,
    groups,
  });
  const index = tensors.find('g_idx');
  return {
    module: tensors.module,
    shape,
    storedAs: `${storedName('GPTQ', bits, groupSize)}${groups === null ? '' : ' act-order'}`,
    format,
    ...orderOf(groups),
    parts: [qweight, qzeros, scales, ...(index === null ? [] : [index])],
    read: () => readMatrix(module, format),
  };
}

/** Checks that the tensors' shapes agree: qweight `[K·bits/32, N]`, qzeros `[G, N·bits/32]`, scales `[G, N]`, g_idx `[K]`. */
async function openModule(tensors: ModuleTensors, scheme: Scheme): Promise<Module> {
  const { bits, groupSize } = scheme;
  const qweight = tensors.expect('qweight', ['I32', 'U32']);
  const [words, rows] = matrixShape(qweight);
  const cols = Math.floor((words * 32) / bits);
  if ((words * 32) % bits !== 0)
    throw tensorError(qweight, `${words} rows of words hold no whole codes of ${bits} bits`);
  const numGroups = groupSize === null ? 1 : Math.ceil(cols / groupSize);
  const packing = { bits, perWord: bits === 3 ? null : 32 / bits };
  const scales = tensors.expect('scales', SCALE_DTYPES);
  checkShape(scales, numGroups, rows);
  const qzeros = tensors.expect('qzeros', ['I32', 'U32']);
  checkShape(qzeros, numGroups, packedWords(rows, packing));
  const groups = columnGroups(await groupsOf(tensors, scheme, cols, numGroups), groupSize);
  const zeros = await zeroPoints(tensors, qzeros, scheme, { rows, numGroups, packing });
  return { tensors, scheme, shape: [rows, cols], packing, qweight, qzeros, scales, groups, ...zeros };
}

async function groupsOf(tensors: ModuleTensors, scheme: Scheme, cols: number, numGroups: number) {
  if (tensors.find('g_idx') === null && !scheme.actOrder) return null;
  const info = tensors.expect('g_idx', ['I32', 'U32']);
  checkShape(info, cols);
  return readGroupIndex(tensors, info, scheme.groupSize, numGroups);
}

interface Zeros {
  readonly rows: number;
  readonly numGroups: number;
  readonly packing: CodePacking;
}

/** The label is not trusted where the values tell: of a symmetric module all are 2^(bits − 1), or one less in the first version. */
async function zeroPoints(
  tensors: ModuleTensors,
  info: TensorInfo,
  { bits, symmetric, v2 }: Scheme,
  { rows, numGroups, packing }: Zeros,
): Promise<Pick<Module, 'zeroOffset' | 'symmetric'>> {
  const middle = 2 ** (bits - 1);
  const words = await tensors.words(info);
  const all = onlyZero(words, rows, numGroups, packing);
  if (symmetric && all === middle) return { zeroOffset: 0, symmetric: true };
  if (symmetric && all === middle - 1) return { zeroOffset: 1, symmetric: true };
  const zeroOffset = v2 ? 0 : 1;
  return { zeroOffset, symmetric: all !== null && all + zeroOffset === middle };
}

/** The stored zero point that all groups have; null where they differ. */
function onlyZero(words: Uint32Array, rows: number, numGroups: number, packing: CodePacking): number | null {
  const stride = words.length / numGroups;
  const first = codeAt(words, 0, 1, 0, packing);
  const line = new Uint8Array(rows);
  for (let g = 0; g < numGroups; g++) {
    unpackLine({ words, start: g * stride, stride: 1 }, packing, rows, line);
    if (line.some((zero) => zero !== first)) return null;
  }
  return first;
}

async function readMatrix(module: Module, format: WeightFormat) {
  const { tensors, packing, zeroOffset } = module;
  const [rows, cols] = module.shape;
  const codes = await tensors.words(module.qweight);
  const zeros = await tensors.words(module.qzeros);
  const zeroWords = packedWords(rows, packing);
  const mask = 2 ** packing.bits - 1;
  const matrix: IntegerMatrix = {
    rows,
    cols,
    bits: packing.bits,
    groupSize: module.scheme.groupSize,
    groups: module.groups,
    readRow: (n, out) => unpackLine({ words: codes, start: n, stride: rows }, packing, cols, out),
    canonical: () => transpose(codes, rows),
    scales: await readScales(tensors, module.scales),
    scaleIndex: (n, g) => g * rows + n,
    zero: module.symmetric
      ? null
      : (n, g) => (codeAt(zeros, g * zeroWords, 1, n, packing) + zeroOffset) & mask,
  };
  return packIntegers(matrix, format);
}

/** `[words][rows]` to `[rows][words]`: of 4 and 8 bits, a word has the same codes in both layouts. */
function transpose(words: Uint32Array, rows: number): Uint32Array {
  const perRow = words.length / rows;
  const out = new Uint32Array(words.length);
  for (let n = 0, at = 0; n < rows; n++) {
    for (let w = 0; w < perRow; w++) out[at++] = words[w * rows + n];
  }
  return out;
}
