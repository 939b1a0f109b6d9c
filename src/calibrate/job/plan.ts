import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint.js';
import { type Dtype, isDtype } from '../../checkpoint/dtypes.js';
import type { TensorSpec } from '../../checkpoint/safetensors-layout.js';
import type { FileFormat, MatrixSpec } from '../../checkpoint/write/format.js';
import { planShards, type ShardPlan } from '../../checkpoint/write/shards.js';
import { CheckpointError, UserError } from '../../errors.js';
import type { ModelConfig } from '../../model/config.js';
import { floatType } from '../../model/matrices.js';
import { formatName } from '../../quant/formats.js';
import { BLOCK_CODES, type WeightFormat } from '../../quant/weight.js';
import { checkRules, type KeepRule, ruleFor } from './keep.js';
import { keptModules, type LinearModule, linearModules, moduleOf, tableModules } from './modules.js';
import { isStatic, type Scheme } from './schemes.js';
import type { OutputTensor } from './sizes.js';

export interface PlanOptions {
  readonly scheme: Scheme;
  readonly file: FileFormat;
  readonly keep: readonly KeepRule[];
  readonly maxShardBytes: number;
  /** Whether the method gives columns an order of their own. */
  readonly actOrder: boolean;
  /** The format of each matrix, by its tensor, in place of the scheme's. */
  readonly formats?: ReadonlyMap<string, FormatChoice>;
  /** Whether embedding and output matrix become codes too. */
  readonly withTables?: boolean;
}

/** A format that was chosen for one matrix. */
export interface FormatChoice {
  readonly tensor: string;
  readonly format: WeightFormat;
  /** KL divergence, in nats, that is expected of it. */
  readonly cost: number;
  /** In words, what others would change. */
  readonly why: string;
}

/** A matrix that becomes codes. */
export interface MatrixTask<T extends OutputTensor = OutputTensor> {
  readonly kind: 'matrix';
  readonly info: TensorInfo;
  /** null outside the layers. */
  readonly layer: number | null;
  readonly spec: MatrixSpec;
  /** As people call its format. */
  readonly label: string;
  readonly isTransposed: boolean;
  /** Whether a text tells nothing of its inputs. */
  readonly isBlind?: boolean;
  /** Absent where all matrices get the same format. */
  readonly choice?: FormatChoice;
  /** What is done otherwise than asked, and why. */
  readonly note: string | null;
  /** Whether reading it takes as much memory once more. */
  readonly rearranged?: boolean;
  readonly outputs: readonly T[];
}

/** A tensor that stays floats. */
export interface CopyTask<T extends OutputTensor = OutputTensor> {
  readonly kind: 'copy';
  readonly info: TensorInfo;
  /** As it is written. */
  readonly dtype: Dtype;
  /** Why it is not quantized, where it is a matrix of a layer. */
  readonly note: string | null;
  readonly rearranged?: boolean;
  readonly outputs: readonly T[];
}

export type Task<T extends OutputTensor = OutputTensor> = MatrixTask<T> | CopyTask<T>;

/** All that is done, decided before any of it is. */
export interface JobPlan {
  /** Copies first, then matrices by layers. */
  readonly tasks: readonly Task[];
  readonly shards: ShardPlan;
  /** For config.json; null for a GGUF file, which has none beside it. */
  readonly quantizationConfig: object | null;
}

/** Decides what becomes of every tensor. Throws UserError where nothing could be quantized, CheckpointError for a model that is quantized already. */
export function planJob(config: ModelConfig, checkpoint: Checkpoint, options: PlanOptions): JobPlan {
  const { tensors } = checkpoint;
  checkRules(options.keep, [...tensors.keys()]);
  refuseCodes(checkpoint);
  const { withTables = false, file } = options;
  if (withTables && file.holdsTables !== true)
    throw new UserError(`--quantize-embeddings: ${file.name} has no place for them`);
  const tables = withTables ? tableModules(config, checkpoint) : [];
  const modules = [...linearModules(config, checkpoint), ...tables];
  const byLayer = modules.map((module) =>
    planMatrix(expectTensor(checkpoint, config, module), module, options),
  );
  const linear = new Set(modules.map(({ tensor }) => tensor));
  const others = [...tensors.values()]
    .filter(({ name }) => !linear.has(name))
    .map((info) => copyTask(info, options.keep, null));
  const matrices = byLayer.filter((task) => task.kind === 'matrix');
  if (matrices.length === 0)
    throw new UserError(`nothing can be quantized: ${byLayer[0]?.note ?? 'no layers'}`);
  const kept = byLayer.flatMap((task) => (task.kind === 'copy' ? [moduleOf(task.info.name)] : []));
  const tasks = [...others, ...byLayer];
  return {
    tasks,
    shards: planShards(
      tasks.flatMap(({ outputs }) => outputs),
      options.maxShardBytes,
    ),
    quantizationConfig: file.config(
      matrices.map(({ spec }) => spec),
      [...keptModules(config, checkpoint, withTables), ...kept],
    ),
  };
}

function refuseCodes({ tensors }: Checkpoint): void {
  for (const { file, name, format, storedAs } of tensors.values()) {
    if (format !== undefined)
      throw new CheckpointError(
        file,
        name,
        `quantized already (${storedAs}): name the model that it was made of`,
      );
  }
}

function expectTensor(
  { tensors }: Checkpoint,
  { architecture }: ModelConfig,
  { tensor }: LinearModule,
): TensorInfo {
  const info = tensors.get(tensor);
  if (info !== undefined) return info;
  const file = tensors.values().next().value?.file ?? 'checkpoint';
  throw new CheckpointError(file, tensor, `no such tensor, but ${architecture} needs it`);
}

function copyTask(info: TensorInfo, keep: readonly KeepRule[], note: string | null): CopyTask<TensorSpec> {
  const { name, shape, dtype: own, file } = info;
  const dtype = ruleFor(keep, name)?.dtype ?? own;
  if (!isDtype(dtype)) throw new CheckpointError(file, name, `${dtype} has no place in safetensors`);
  return { kind: 'copy', info, dtype, note, outputs: [{ name, dtype, shape }] };
}

function planMatrix(info: TensorInfo, module: LinearModule, options: PlanOptions): Task<TensorSpec> {
  const { keep, file, scheme, formats } = options;
  const stays = (note: string) => copyTask(info, keep, note);
  if (ruleFor(keep, info.name) !== null) return stays('--keep');
  if (info.shape.length !== 2)
    return stays('a tensor of all experts: only modules of single experts are quantized');
  const isTransposed = module.layout === 'transposed';
  if (isTransposed && !file.byOutputs)
    return stays(`lies by inputs, for which ${file.name} has no place: take --format gptq or awq`);
  const choice = formats?.get(info.name);
  const format = choice?.format ?? scheme.format;
  const asked = { ...format, scaleType: file.scaleType ?? format.scaleType };
  const isUnknown = isStatic(scheme) && module.ofExpert === true;
  const activations = isUnknown ? 'int8' : scheme.activations;
  const specs = candidates(info, isTransposed, asked, options).map((one) => ({ ...one, activations }));
  const found = specs.find((candidate) => file.problem(candidate) === null);
  const spec =
    found === undefined || module.isTable !== true ? found : ({ ...found, isTable: true } as const);
  if (spec === undefined)
    return stays(specs.length === 0 ? divides(info, asked) : String(file.problem(specs[0])));
  if (spec.tensorScale === true && spec.cols % BLOCK_CODES !== 0)
    return stays(`one scale needs rows of a multiple of ${BLOCK_CODES}, not of ${spec.cols}`);
  const isAsked = spec.format.groupSize === asked.groupSize;
  const notes = [
    ...(isAsked ? [] : [`${formatName(spec.format)}: ${divides(info, asked)}`]),
    ...(isUnknown ? ['an expert: activations have a scale for each token'] : []),
  ];
  return {
    kind: 'matrix',
    info,
    layer: module.layer,
    spec,
    label: formatName(spec.format),
    isTransposed,
    ...(module.isBlind === true ? { isBlind: true } : {}),
    ...(choice === undefined ? {} : { choice }),
    note: notes.length === 0 ? null : notes.join('; '),
    outputs: file.tensors(spec),
  };
}

function divides(info: TensorInfo, { groupSize }: WeightFormat): string {
  return `[${info.shape.join(', ')}] is not divided by groups of ${groupSize}`;
}

/** The format asked for; where a row is no whole number of its groups and the file can tell, smaller groups, and last a scale per row. */
function candidates(
  info: TensorInfo,
  isTransposed: boolean,
  asked: WeightFormat,
  { file, scheme, actOrder }: PlanOptions,
): MatrixSpec[] {
  const [rows, cols] = isTransposed ? [info.shape[1], info.shape[0]] : info.shape;
  const sizes = groupSizes(asked, cols).filter((size) => file.mixesGroups || size === asked.groupSize);
  return sizes.map((groupSize) => ({
    module: moduleOf(info.name),
    rows,
    cols,
    format: { ...asked, groupSize },
    activations: scheme.activations,
    actOrder,
    floatType: floatType(info),
    ...(scheme.doubleQuant === true ? { doubleQuant: true } : {}),
    ...(scheme.tensorScale === true ? { tensorScale: true } : {}),
  }));
}

function groupSizes({ groupSize, table }: WeightFormat, cols: number): (number | null)[] {
  if (groupSize === null || table !== undefined) return [groupSize];
  const sizes: (number | null)[] = [];
  for (let size = groupSize; size >= BLOCK_CODES; size /= 2) if (cols % size === 0) sizes.push(size);
  return [...sizes, null];
}
