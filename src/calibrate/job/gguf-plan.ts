import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint.js';
import { isWrittenType, type WrittenType } from '../../checkpoint/gguf/pack.js';
import { packedFormat } from '../../checkpoint/gguf/repack.js';
import type { GgufFloatType } from '../../checkpoint/gguf/types.js';
import { type GgufMetadata, type GgufTensorSpec, layoutGguf } from '../../checkpoint/gguf/write.js';
import { UserError } from '../../errors.js';
import type { ModelConfig } from '../../model/config.js';
import type { GgufModel } from '../../model/gguf-model.js';
import { type GgufPart, partsSource } from '../../model/gguf-part.js';
import { takeRows } from '../../quant/rows.js';
import type { MatrixResult } from '../method.js';
import { type ChosenType, type GgufScheme, typeIn } from './gguf-schemes.js';
import { checkRules, type KeepRule, ruleFor } from './keep.js';
import { moduleOf } from './modules.js';
import { GGUF_FILE } from './outputs.js';
import type { CopyTask, JobPlan, MatrixTask, Task } from './plan.js';
import type { Inputs } from './run.js';

/** Of the blocks of all types: `general.quantization_version`. */
const BLOCKS_VERSION = 2;

export interface GgufPlanOptions {
  readonly scheme: GgufScheme;
  readonly keep: readonly KeepRule[];
  /** Whether the method has codes of K types. */
  readonly takesSupers: boolean;
}

/** Decides the type of every tensor of a GGUF file. Throws UserError for a rule to keep that no tensor matches, and for types that the method refuses. */
export function planGguf(
  config: ModelConfig,
  model: GgufModel,
  { scheme, keep, takesSupers }: GgufPlanOptions,
): JobPlan {
  const { parts, metadata } = model;
  checkRules(
    keep,
    parts.flatMap(({ sources }) => sources.map(({ name }) => name)),
  );
  const infos = partsSource(parts).tensors;
  const tasks = parts.map((part) => {
    const chosen = keptType(part, keep) ?? typeIn(scheme, part, mixtureOf(config, metadata));
    if (!takesSupers && part.layer !== null && chosen.type.endsWith('_K'))
      throw new UserError(
        `--method: has no codes of ${chosen.type}, as ${part.name} is; take q8_0 or q4_0, or another`,
      );
    return taskOf(part, infos.get(part.name) as TensorInfo, chosen);
  });
  const specs = tasks.map((task, i) => specOf(task, parts[i]));
  const layout = layoutGguf(GGUF_FILE, withScheme(metadata, scheme), specs);
  return {
    tasks: [...tasks.filter(isCopy), ...tasks.filter((task) => !isCopy(task))],
    shards: { files: [{ name: GGUF_FILE, layout }], totalBytes: layout.fileBytes, index: null },
    quantizationConfig: null,
  };
}

function isCopy(task: Task): task is CopyTask {
  return task.kind === 'copy';
}

function mixtureOf(config: ModelConfig, metadata: GgufMetadata) {
  return {
    architecture: String(metadata.get('general.architecture')?.value),
    numLayers: config.numLayers,
    numHeads: config.numHeads,
    numKvHeads: config.numKvHeads,
    numExperts: config.experts?.numExperts ?? 0,
    tied: config.tieWordEmbeddings,
  };
}

function keptType({ sources, dtype, shape }: GgufPart, keep: readonly KeepRule[]): ChosenType | null {
  const rules = sources.map(({ name }) => ruleFor(keep, name));
  const rule = rules.find((found) => found !== null) ?? null;
  if (rule === null) return null;
  return {
    type: shape.length === 1 ? 'F32' : (rule.dtype ?? dtype),
    note: shape.length === 1 ? null : '--keep',
  };
}

function taskOf(part: GgufPart, info: TensorInfo, { type, note }: ChosenType): Task {
  const rearranged = part.order !== null || part.sources.length > 1 || part.shape.length > 2;
  const common = { info, note, rearranged };
  const outputs = [{ name: part.name, dtype: type, shape: part.shape }];
  if (!isWrittenType(type)) return { ...common, kind: 'copy', dtype: type, outputs } satisfies CopyTask;
  const cols = part.shape[part.shape.length - 1];
  return {
    ...common,
    kind: 'matrix',
    layer: part.layer,
    label: type,
    isTransposed: false,
    isBlind: inputsTensor(part) === null,
    outputs,
    spec: {
      module: moduleOf(part.name),
      rows: part.shape.slice(0, -1).reduce((product, size) => product * size, 1),
      cols,
      format: packedFormat(type),
      activations: 'float',
      actOrder: false,
      floatType: part.dtype.toLowerCase() as Lowercase<typeof part.dtype>,
    },
  } satisfies MatrixTask;
}

function specOf(task: Task, { name, shape }: GgufPart): GgufTensorSpec {
  return { name, shape, type: task.outputs[0].dtype as WrittenType | GgufFloatType };
}

/** What the file is, behind its name. */
function withScheme(metadata: GgufMetadata, { fileType }: GgufScheme): GgufMetadata {
  return new Map([
    ...metadata,
    ['general.file_type', { type: 'u32', value: fileType } as const],
    ['general.quantization_version', { type: 'u32', value: BLOCKS_VERSION } as const],
  ]);
}

/** The parts as the checkpoint of a job. */
export function ggufSource(parts: readonly GgufPart[], { close }: Pick<Checkpoint, 'close'>): Checkpoint {
  return { ...partsSource(parts), metadata: new Map(), close };
}

/** The tensor of the model that tells of a part's inputs; null outside the layers, and for experts. */
function inputsTensor({ layer, sources, shape }: GgufPart): string | null {
  return layer === null || sources.length !== 1 || shape.length > 2 ? null : sources[0].name;
}

/** Tells of inputs by the names of a file's tensors, and puts what these became in the order that the model's own have. */
export function ggufInputs(inputs: Inputs, parts: readonly GgufPart[]): Inputs {
  const byName = new Map(parts.map((part) => [part.name, part]));
  const sourceOf = (name: string) => {
    const part = byName.get(name);
    return part === undefined ? null : inputsTensor(part);
  };
  return {
    reach: (layer) => inputs.reach(layer),
    statsOf: async (name) => {
      const source = sourceOf(name);
      return source === null ? null : inputs.statsOf(source);
    },
    replace: (name, became) => {
      const source = sourceOf(name);
      if (source !== null) inputs.replace(source, inModelOrder(became, byName.get(name)?.order ?? null));
    },
  };
}

type Became = Pick<MatrixResult, 'packed' | 'groupIndex'>;

function inModelOrder({ packed, groupIndex }: Became, order: readonly number[] | null): Became {
  if (order === null) return { packed, groupIndex };
  const back: number[] = [];
  order.forEach((from, to) => {
    back[from] = to;
  });
  return { packed: takeRows(packed, back), groupIndex };
}
