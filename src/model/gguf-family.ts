import { describe, type Fields } from '../checkpoint/fields.js';
import type { Architecture, LinearModule, ModulePaths } from './architectures.js';
import type { ExpertFamily, ExpertPaths } from './expert-family.js';
import { type GgufNames, ggufNames } from './gguf-keys.js';

/** How the model in a GGUF file is read. */
export interface GgufFamily {
  /** Its family in the format's words: names of tensors and keys, matrices in rows, and norms' weights whole. */
  readonly architecture: Architecture;
  /** Of its keys: `general.architecture`. */
  readonly prefix: string;
  readonly names: GgufNames;
}

/** Throws CheckpointError for an architecture that no family has. */
export function ggufFamily(metadata: Fields, architectures: readonly Architecture[]): GgufFamily {
  const family = findFamily(metadata, architectures);
  const prefix = metadata.string('general.architecture');
  const names = ggufNames(prefix, family);
  const architecture: Architecture = {
    ...family,
    normOffset: 0,
    layouts: { q: 'rows', k: 'rows', v: 'rows', o: 'rows', gate: 'rows', up: 'rows', down: 'rows' },
    optionalPrefix: '',
    modules: { ...ggufModules(family.modules), ...family.gguf?.modules },
    experts: family.experts === null ? null : ggufExperts(family.experts),
    names,
    defaults: renamed(family, names),
  };
  return { architecture, prefix, names };
}

/** Of several families of one architecture, the one whose key is there; else the one without a key. */
function findFamily(metadata: Fields, architectures: readonly Architecture[]): Architecture {
  const name = metadata.string('general.architecture');
  const candidates = architectures.filter(({ gguf }) => gguf?.architecture === name);
  const isGiven = (key: string) => (metadata.raw(`${name}.${key}`) ?? 0) !== 0;
  const found =
    candidates.find(({ gguf }) => gguf !== null && gguf.key !== null && isGiven(gguf.key)) ??
    candidates.find(({ gguf }) => gguf?.key === null);
  if (found !== undefined) return found;
  const known = [...new Set(architectures.flatMap(({ gguf }) => gguf?.architecture ?? []))].join(', ');
  throw metadata.error('general.architecture', `${describe(name)} is not read from GGUF; known: ${known}`);
}

const LINEAR_NAMES: Readonly<Record<LinearModule, string>> = {
  q: 'blk.{layer}.attn_q',
  k: 'blk.{layer}.attn_k',
  v: 'blk.{layer}.attn_v',
  o: 'blk.{layer}.attn_output',
  gate: 'blk.{layer}.ffn_gate',
  up: 'blk.{layer}.ffn_up',
  down: 'blk.{layer}.ffn_down',
};
const QKV = 'blk.{layer}.attn_qkv';

/** GGUF names the same module alike in all families; q, k and v in one matrix, as gate and up, have one name. */
function ggufModules(modules: ModulePaths): ModulePaths {
  const named = (path: string | null, name: string) => (path === null ? null : name);
  const { q, k, v, gate, up } = modules;
  return {
    ...LINEAR_NAMES,
    ...(q === k && k === v ? { q: QKV, k: QKV, v: QKV } : {}),
    gate: named(gate, gate === up ? LINEAR_NAMES.up : LINEAR_NAMES.gate),
    embedding: 'token_embd',
    positions: named(modules.positions, 'position_embd'),
    finalNorm: 'output_norm',
    lmHead: 'output',
    attentionNorm: named(modules.attentionNorm, 'blk.{layer}.attn_norm'),
    mlpNorm: named(modules.mlpNorm, 'blk.{layer}.ffn_norm'),
    attentionPostNorm: named(modules.attentionPostNorm, 'blk.{layer}.post_attention_norm'),
    mlpPostNorm: named(modules.mlpPostNorm, 'blk.{layer}.post_ffw_norm'),
    qNorm: named(modules.qNorm, 'blk.{layer}.attn_q_norm'),
    kNorm: named(modules.kNorm, 'blk.{layer}.attn_k_norm'),
    sinks: named(modules.sinks, 'blk.{layer}.attn_sinks.weight'),
  };
}

const ROUTER = 'blk.{layer}.ffn_gate_inp';

/** Tensors of all experts, and as older files have them, a tensor for each. */
function ggufExperts(family: ExpertFamily): ExpertFamily {
  const form = (name: (module: string) => string): ExpertPaths => ({
    router: ROUTER,
    gate: name('ffn_gate'),
    up: name('ffn_up'),
    down: name('ffn_down'),
    layout: 'rows',
    bias: family.forms[0].bias,
  });
  const forms = [
    form((module) => `blk.{layer}.${module}_exps.weight`),
    form((module) => `blk.{layer}.${module}.{expert}`),
  ];
  return { ...family, interleaved: false, forms };
}

/** The family's defaults under the format's names. The rotation's base has one default for all families there. */
function renamed({ defaults, names }: Architecture, ggufNames: GgufNames): Readonly<Record<string, unknown>> {
  const common = new Map(Object.entries(names).map(([key, name]) => [name, key]));
  const ofGguf = new Map(Object.entries(ggufNames));
  const entries = Object.entries(defaults).map(([name, value]): [string, unknown] => {
    const key = common.get(name) ?? name;
    return [ofGguf.get(key) ?? key, value];
  });
  return Object.fromEntries(entries.filter(([key]) => key !== ggufNames.rope_theta));
}
