import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fields } from '../checkpoint/fields.js';
import { readJson } from '../checkpoint/json.js';
import type { Activation } from '../ops/ops.js';
import type { MatrixLayout } from './config.js';
import { type ExpertFamily, type ExpertPaths, readExpertFamily } from './expert-family.js';

/** The linear modules of a layer. */
export type LinearModule = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';

/** Paths of the modules in the checkpoint, without `.weight` or `.bias`; `{layer}` stands for the layer's index. */
export interface ModulePaths extends Readonly<Record<Exclude<LinearModule, 'gate'>, string>> {
  readonly embedding: string;
  /** Learned positions. */
  readonly positions: string | null;
  readonly finalNorm: string;
  readonly lmHead: string;
  /** Null where the MLP has no gates. */
  readonly gate: string | null;
  /** Before attention and MLP, and after them. */
  readonly attentionNorm: string | null;
  readonly mlpNorm: string | null;
  readonly attentionPostNorm: string | null;
  readonly mlpPostNorm: string | null;
  /** Both or neither: the norms of q and k. */
  readonly qNorm: string | null;
  readonly kNorm: string | null;
  /** The tensor of attention sinks. */
  readonly sinks: string | null;
}

/**
 * Which layers look back over a window only. `none`: no layer; `all`: every layer where config.json gives `sliding_window`;
 * `switched`: every layer where `use_sliding_window` is true;
 * `layers`: those that `layer_types` names, or where it is absent and `use_sliding_window` is true, those from `max_window_layers` on;
 * `named`: those that `layer_types` names; `pattern`: the same, or where it is absent all but every `sliding_window_pattern`th.
 */
export type SlidingWindowRule = (typeof SLIDING_WINDOW_RULES)[number];
const SLIDING_WINDOW_RULES = ['none', 'all', 'switched', 'layers', 'named', 'pattern'] as const;

/** Keys of config.json that only some families have, and that are read where a family lists them. */
const OPTIONAL_KEYS = [
  'partial_rotary_factor',
  'original_max_position_embeddings',
  'rope_local_base_freq',
  'no_rope_layers',
  'no_rope_layer_interval',
  'query_pre_attn_scalar',
  'attention_multiplier',
  'scale_attn_weights',
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'embedding_multiplier',
  'residual_multiplier',
  'logits_scaling',
  'use_parallel_residual',
  'moe_intermediate_size',
  'norm_topk_prob',
  'mlp_only_layers',
  'decoder_sparse_step',
  'swiglu_limit',
] as const;
export type OptionalKey = (typeof OPTIONAL_KEYS)[number];

/** A family of models as `models/architectures/<name>.json` describes it. */
export interface Architecture {
  readonly name: string;
  /** Values of `architectures` in config.json. */
  readonly architectures: readonly string[];
  readonly slidingWindow: SlidingWindowRule;
  /** Per module: whether it has a bias, or the key of config.json that says so. */
  readonly biases: Readonly<Record<LinearModule, boolean | string>>;
  /** Values of the family's keys of config.json where they are absent; a null that is written there counts. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Keys of config.json that the family reads besides the common ones, and those that do not change its results. */
  readonly keys: ReadonlySet<OptionalKey>;
  readonly ignoredKeys: readonly string[];
  /** Names that common keys have in the family's config.json, where they are others. */
  readonly names: Readonly<Record<string, string>>;
  readonly norm: 'rms' | 'layer';
  /** Where it is not what config.json says. */
  readonly activation: Activation | null;
  /** Null where no layer has experts. */
  readonly experts: ExpertFamily | null;
  readonly normOffset: 0 | 1;
  readonly qkNorm: 'head' | 'all';
  /** Embeddings are multiplied by the root of the hidden size. */
  readonly scaledEmbedding: boolean;
  /** Inner size of the MLP by the hidden size, where config.json gives none. */
  readonly mlpRatio: number | null;
  readonly layouts: Readonly<Record<LinearModule, MatrixLayout>>;
  /** What `modules` begin with, but not the tensors of every checkpoint. */
  readonly optionalPrefix: string;
  readonly modules: ModulePaths;
  /** Null where GGUF files of the family are not read. */
  readonly gguf: GgufSettings | null;
}

/** What of a family's GGUF files does not follow from the rest. */
export interface GgufSettings {
  /** `general.architecture` */
  readonly architecture: string;
  /** The key, below the architecture's prefix, that tells the family from another of that architecture; null where none does. */
  readonly key: string | null;
  /** Layers of the one size of the family that scales q·k by hidden size / heads instead of the heads' own size, which no key says; or null. */
  readonly wideScaleLayers: number | null;
  /** Modules whose name is another than in most families. */
  readonly modules: Readonly<Partial<Record<keyof ModulePaths, string>>>;
  /** What config.json would say and no key does, and what it would say of the rotation's scaling where no key does. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly scaling: Readonly<Record<string, unknown>>;
}

/** Reads every *.json of a folder, by default the package's own. Throws CheckpointError. */
export async function loadArchitectures(dir: string = packagedArchitectures()): Promise<Architecture[]> {
  const files = (await readdir(dir)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(files.map((name) => readArchitecture(join(dir, name))));
}

function packagedArchitectures(): string {
  return fileURLToPath(new URL('../../models/architectures/', import.meta.url));
}

async function readArchitecture(file: string): Promise<Architecture> {
  const fields = Fields.from(await readJson(file), file);
  const experts = fields.has('experts') ? readExpertFamily(fields.child('experts')) : null;
  return {
    name: basename(file, '.json'),
    architectures: fields.strings('architectures'),
    slidingWindow: slidingWindowRule(fields),
    biases: biases(fields.child('biases')),
    defaults: values(fields, 'defaults'),
    keys: new Set(listOf(fields, 'keys').map((key) => oneOf(fields, 'keys', key, OPTIONAL_KEYS))),
    ignoredKeys: listOf(fields, 'ignoredKeys'),
    names: names(fields, 'names'),
    norm: oneOf(fields, 'norm', fields.string('norm', 'rms'), ['rms', 'layer']),
    activation: fields.has('activation')
      ? oneOf(fields, 'activation', fields.string('activation'), ['clamped_swish'] as const)
      : null,
    experts,
    normOffset: fields.number('normOffset', { min: 0, max: 1 }, 0) === 0 ? 0 : 1,
    qkNorm: oneOf(fields, 'qkNorm', fields.string('qkNorm', 'head'), ['head', 'all']),
    scaledEmbedding: fields.boolean('scaledEmbedding', false),
    mlpRatio: fields.has('mlpRatio') ? fields.number('mlpRatio', { min: 1, max: 64 }) : null,
    layouts: layouts(fields),
    optionalPrefix: fields.string('optionalPrefix', ''),
    modules: modulePaths(fields.child('modules'), experts?.forms[0] ?? null),
    gguf: fields.has('gguf') ? ggufSettings(fields.child('gguf')) : null,
  };
}

function ggufSettings(fields: Fields): GgufSettings {
  return {
    architecture: fields.string('architecture'),
    key: fields.has('key') ? fields.string('key') : null,
    wideScaleLayers: fields.has('wideScaleLayers') ? fields.integer('wideScaleLayers', { min: 1 }) : null,
    modules: names(fields, 'modules'),
    values: values(fields, 'values'),
    scaling: values(fields, 'scaling'),
  };
}

function slidingWindowRule(fields: Fields): SlidingWindowRule {
  return oneOf(fields, 'slidingWindow', fields.string('slidingWindow'), SLIDING_WINDOW_RULES);
}

function oneOf<T extends string>(fields: Fields, key: string, value: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw fields.error(key, `must be one of ${known.join(', ')}, is ${JSON.stringify(value)}`);
}

function listOf(fields: Fields, key: string): readonly string[] {
  return fields.has(key) ? fields.strings(key) : [];
}

function values(fields: Fields, key: string): Record<string, unknown> {
  if (!fields.has(key)) return {};
  const given = fields.child(key);
  return Object.fromEntries(given.keys().map((name) => [name, given.raw(name)]));
}

function names(fields: Fields, of: string): Record<string, string> {
  if (!fields.has(of)) return {};
  const given = fields.child(of);
  return Object.fromEntries(given.keys().map((key) => [key, given.string(key)]));
}

/** One layout for all modules, or one for q, k and v alone. */
function layouts(fields: Fields): Record<LinearModule, MatrixLayout> {
  const known = ['rows', 'transposed', 'headwise'] as const;
  const layout = (key: string, fallback: MatrixLayout) =>
    oneOf(fields, key, fields.string(key, fallback), known);
  const all = layout('layout', 'rows');
  const qkv = layout('qkvLayout', all);
  return { q: qkv, k: qkv, v: qkv, o: all, gate: all, up: all, down: all };
}

function biases(fields: Fields): Record<LinearModule, boolean | string> {
  const flag = (key: LinearModule) => {
    const value = fields.raw(key);
    return typeof value === 'string' ? value : fields.boolean(key);
  };
  return {
    q: flag('q'),
    k: flag('k'),
    v: flag('v'),
    o: flag('o'),
    gate: flag('gate'),
    up: flag('up'),
    down: flag('down'),
  };
}

/** @param experts whose modules stand for those of layers without experts, where the family has no such layers */
function modulePaths(fields: Fields, experts: ExpertPaths | null): ModulePaths {
  const layered = (key: string) => {
    const path = fields.string(key);
    if (!path.includes('{layer}')) throw fields.error(key, 'must contain {layer}');
    return path;
  };
  const optional = (key: string) => (fields.has(key) ? layered(key) : null);
  if (fields.has('qNorm') !== fields.has('kNorm'))
    throw fields.error('kNorm', 'qNorm and kNorm come together');
  return {
    embedding: fields.string('embedding'),
    positions: fields.has('positions') ? fields.string('positions') : null,
    finalNorm: fields.string('finalNorm'),
    lmHead: fields.string('lmHead'),
    attentionNorm: optional('attentionNorm'),
    mlpNorm: optional('mlpNorm'),
    attentionPostNorm: optional('attentionPostNorm'),
    mlpPostNorm: optional('mlpPostNorm'),
    q: layered('q'),
    k: layered('k'),
    v: layered('v'),
    o: layered('o'),
    qNorm: optional('qNorm'),
    kNorm: optional('kNorm'),
    sinks: optional('sinks'),
    gate: optional('gate'),
    up: fields.has('up') || experts === null ? layered('up') : experts.up,
    down: fields.has('down') || experts === null ? layered('down') : experts.down,
  };
}
