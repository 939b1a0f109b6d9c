import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fields } from '../checkpoint/fields.js';
import { readJson } from '../checkpoint/json.js';

/** The linear modules of a layer. */
export type LinearModule = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';

/** Paths of the modules in the checkpoint, without `.weight` or `.bias`; `{layer}` stands for the layer's index. */
export interface ModulePaths extends Readonly<Record<LinearModule, string>> {
  readonly embedding: string;
  readonly finalNorm: string;
  readonly lmHead: string;
  readonly attentionNorm: string;
  readonly mlpNorm: string;
  /** Both or neither: the norms of the heads of q and k. */
  readonly qNorm: string | null;
  readonly kNorm: string | null;
}

/**
 * Which layers look back over a window only. `none`: no layer; `all`: every layer where config.json gives `sliding_window`;
 * `layers`: those that `layer_types` names, or where it is absent and `use_sliding_window` is true, those from `max_window_layers` on.
 */
export type SlidingWindowRule = 'none' | 'all' | 'layers';

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
  readonly modules: ModulePaths;
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
  const defaults = fields.child('defaults');
  return {
    name: basename(file, '.json'),
    architectures: fields.strings('architectures'),
    slidingWindow: slidingWindowRule(fields),
    biases: biases(fields.child('biases')),
    defaults: Object.fromEntries(defaults.keys().map((key) => [key, defaults.raw(key)])),
    modules: modulePaths(fields.child('modules')),
  };
}

function slidingWindowRule(fields: Fields): SlidingWindowRule {
  const rule = fields.string('slidingWindow');
  if (rule === 'none' || rule === 'all' || rule === 'layers') return rule;
  throw fields.error('slidingWindow', `must be none, all or layers, is ${JSON.stringify(rule)}`);
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

function modulePaths(fields: Fields): ModulePaths {
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
    finalNorm: fields.string('finalNorm'),
    lmHead: fields.string('lmHead'),
    attentionNorm: layered('attentionNorm'),
    mlpNorm: layered('mlpNorm'),
    q: layered('q'),
    k: layered('k'),
    v: layered('v'),
    o: layered('o'),
    qNorm: optional('qNorm'),
    kNorm: optional('kNorm'),
    gate: layered('gate'),
    up: layered('up'),
    down: layered('down'),
  };
}
