import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { Fields } from '../checkpoint/fields.js';
import { type GgufMetadata, type GgufValue, readBack } from '../checkpoint/gguf/write.js';
import { CheckpointError } from '../errors.js';
import { chatTemplateSource } from '../text/chat-template.js';
import { vocabularyKeys } from '../text/gguf-vocabulary.js';
import { readJsonObject } from '../text/json-file.js';
import { readTokenizerFiles } from '../text/tokenizer.js';
import { type Architecture, loadArchitectures } from './architectures.js';
import type { ModelConfig } from './config.js';
import { buildModelConfig } from './config-parse.js';
import { configRecord } from './gguf-config.js';
import { ggufFamily } from './gguf-family.js';
import { ggufSettingsOf, modelKeys } from './gguf-metadata.js';
import { type GgufPart, partsSource } from './gguf-part.js';
import { ROPE_TENSORS } from './gguf-rope.js';
import { ggufParts, unusedTensors } from './gguf-tensors.js';

/** A model as a GGUF file holds it. */
export interface GgufModel {
  readonly metadata: GgufMetadata;
  readonly parts: readonly GgufPart[];
  /** What a reader should know of the file as a whole: tensors that have no place in it, and a window that llama.cpp passes over. */
  readonly notes: readonly string[];
}

/**
 * The metadata and tensors of a model directory as a GGUF file. What halflight's own reader would make of them must be the model again, so a model that
 * the format has no keys for is refused: throws CheckpointError with the key of config.json. @param name `general.name`
 */
export async function ggufModel(
  dir: string,
  config: ModelConfig,
  checkpoint: Checkpoint,
  name: string,
): Promise<GgufModel> {
  const file = join(dir, 'config.json');
  const architectures = await loadArchitectures();
  const own = architectures.find((candidate) => candidate.name === config.architecture);
  if (own === undefined)
    throw new CheckpointError(file, 'architectures', `${config.architecture} is unknown`);
  const settings = ggufSettingsOf(own, file);
  const keys: GgufMetadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: settings.architecture }],
    ['general.type', { type: 'string', value: 'model' }],
    ['general.name', { type: 'string', value: name }],
    ...modelKeys(config, settings),
  ]);
  const { modules } = ggufFamily(Fields.from(readBack(keys), file), architectures).architecture;
  const { architecture } = settings;
  const parts = ggufParts({ checkpoint, config, modules, architecture });
  const metadata = new Map([...keys, ...vocabularyOf(dir, config)]);
  await checkRead(file, config, metadata, parts, architectures);
  return { metadata, parts, notes: notesOn(config, architecture, unusedTensors(checkpoint, parts)) };
}

/** Architectures that llama.cpp reads with an output matrix of their own only. */
const NEVER_TIED: ReadonlySet<string> = new Set(['gpt-oss', 'olmo2']);

function notesOn(
  { slidingWindows, tieWordEmbeddings }: ModelConfig,
  architecture: string,
  unused: readonly string[],
): readonly string[] {
  const window = architecture === 'llama' ? slidingWindows.find((size) => size !== null) : undefined;
  return [
    ...(unused.length === 0 ? [] : [`left out, as the model does not read them: ${unused.join(', ')}`]),
    ...(window === undefined
      ? []
      : [`llama.cpp reads no window of ${architecture}: it lets each token see more than ${window} others`]),
    ...(tieWordEmbeddings && NEVER_TIED.has(architecture)
      ? [`llama.cpp does not load ${architecture} whose output matrix is the embedding`]
      : []),
  ];
}

function vocabularyOf(dir: string, { vocabSize, eosTokenIds }: ModelConfig): GgufMetadata {
  return vocabularyKeys({
    file: join(dir, 'tokenizer.json'),
    files: readTokenizerFiles(dir),
    template: chatTemplateSource(dir),
    config: readJsonObject(join(dir, 'config.json'), readFileSync),
    vocabSize,
    eosTokenIds,
  });
}

async function checkRead(
  file: string,
  config: ModelConfig,
  metadata: GgufMetadata,
  parts: readonly GgufPart[],
  architectures: readonly Architecture[],
): Promise<void> {
  const fields = Fields.from(readBack(metadata), file);
  const family = ggufFamily(fields, architectures);
  const table = async (name: string) => (await parts.find((part) => part.name === name)?.read()) ?? null;
  const { all, short, long } = ROPE_TENSORS;
  const divisors = { all: await table(all), short: await table(short), long: await table(long) };
  const header = { file, metadata: fields, tensors: [] };
  const record = configRecord(header, partsSource(parts).tensors, family, divisors);
  const none = Fields.from({}, file);
  const read = buildModelConfig(Fields.from(record, file), none, [family.architecture]);
  const difference = firstDifference(compared(config), compared(read));
  if (difference === null) return;
  const { path, value, other } = difference;
  throw new CheckpointError(
    file,
    path,
    `${shown(value)}, but a GGUF file of ${config.architecture} would be read as ${shown(other)}: the format has no key for it`,
  );
}

/** All but names, and what is told by the tokenizer's keys. */
function compared(config: ModelConfig): object {
  const { experts, ...rest } = config;
  const others: Partial<ModelConfig> = { ...rest };
  for (const key of NOT_COMPARED) delete others[key];
  return { ...others, experts: experts === null ? null : { ...experts, interleaved: false } };
}

const NOT_COMPARED = [
  'architecture',
  'weights',
  'optionalPrefix',
  'normOffset',
  'bosTokenId',
  'eosTokenIds',
] as const satisfies readonly (keyof ModelConfig)[];

/** Numbers in files are f32: half a unit in their last place, and as much in what follows from two of them. */
const TOLERANCE = 2 ** -22;

interface Difference {
  readonly path: string;
  readonly value: unknown;
  readonly other: unknown;
}

function firstDifference(value: unknown, other: unknown, path = ''): Difference | null {
  if (typeof value === 'number' && typeof other === 'number' && isClose(value, other)) return null;
  if (isRecord(value) && isRecord(other)) {
    for (const key of new Set([...Object.keys(value), ...Object.keys(other)])) {
      const found = firstDifference(value[key], other[key], path === '' ? key : `${path}.${key}`);
      if (found !== null) return found;
    }
    return null;
  }
  return value === other ? null : { path, value, other };
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'absent';
}
