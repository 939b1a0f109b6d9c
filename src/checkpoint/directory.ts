import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.js';
import { Fields } from './fields.js';
import { isGguf } from './gguf/header.js';
import { readGgufModel } from './gguf/parts.js';
import { fileError, readJson } from './json.js';

/** Where a model directory keeps its tensors. */
export interface WeightFiles {
  /** Paths of the safetensors files. */
  readonly files: readonly string[];
  /** Path of the index and, by tensor, the path of the file that holds it; null for a single file. */
  readonly index: { readonly file: string; readonly tensors: ReadonlyMap<string, string> } | null;
}

/** Beside several files of weights it tells which tensor is where. */
export const INDEX = 'model.safetensors.index.json';
const NEEDED =
  'A model directory holds config.json, tokenizer.json and its weights as safetensors (model.safetensors, or model.safetensors.index.json with its shards)';

/**
 * Checks that the directory has all that serving needs, or that a GGUF file can be read as one. Throws one CheckpointError that lists
 * everything missing.
 */
export async function checkModelDirectory(dir: string): Promise<void> {
  if (isGguf(dir)) {
    readGgufModel(dir);
    return;
  }
  const names = await listDirectory(dir);
  const missing = ['config.json', 'tokenizer.json'].filter((name) => !names.includes(name));
  if (!names.some(isWeights)) missing.push('*.safetensors');
  if (missing.length === 0) return;
  throw new CheckpointError(dir, missing.join(', '), `missing. ${NEEDED}.${otherFormats(names)}`);
}

/** `model.safetensors`, else the shards of the index, else the only safetensors file. Throws CheckpointError. */
export async function findWeights(dir: string): Promise<WeightFiles> {
  const names = await listDirectory(dir);
  if (names.includes('model.safetensors')) return { files: [join(dir, 'model.safetensors')], index: null };
  if (names.includes(INDEX)) return readIndex(dir);
  const files = names.filter(isWeights);
  if (files.length === 1) return { files: [join(dir, files[0])], index: null };
  if (files.length === 0)
    throw new CheckpointError(dir, '*.safetensors', `missing. ${NEEDED}.${otherFormats(names)}`);
  throw new CheckpointError(
    dir,
    INDEX,
    `missing, and which of ${files.slice(0, 4).join(', ')} … to read is unclear`,
  );
}

function isWeights(name: string): boolean {
  return name.endsWith('.safetensors');
}

async function listDirectory(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    throw fileError(dir, error);
  }
}

function otherFormats(names: readonly string[]): string {
  const gguf = names.find(isGguf);
  if (gguf !== undefined) return ` Found ${gguf}: name the file itself to use it`;
  const others = names.filter((name) => /\.(bin|pt|pth)$/.test(name));
  return others.length === 0
    ? ''
    : ` Found ${others.slice(0, 4).join(', ')}, which is not read: convert it to safetensors`;
}

/** `{"metadata": {…}, "weight_map": {tensor: file name}}`. `total_size` is not trusted: sizes come from the shards. */
async function readIndex(dir: string): Promise<WeightFiles> {
  const file = join(dir, INDEX);
  const map = Fields.from(await readJson(file), file).child('weight_map');
  const tensors = new Map(map.keys().map((name) => [name, shardPath(dir, map, name)]));
  return { files: [...new Set(tensors.values())].sort(), index: { file, tensors } };
}

/** Shards lie beside their index: a path would let a checkpoint name any file of the machine. */
function shardPath(dir: string, map: Fields, tensor: string): string {
  const name = map.string(tensor);
  if (/^[\w.-]+\.safetensors$/.test(name)) return join(dir, name);
  throw map.error(
    tensor,
    `must name a .safetensors file in the same directory, is ${JSON.stringify(name.slice(0, 80))}`,
  );
}
