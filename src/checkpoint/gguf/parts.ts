import { basename, dirname, join } from 'node:path';
import { CheckpointError } from '../../errors.js';
import { type GgufHeader, readGgufHeader } from './header.js';

/** `<name>-00001-of-00003.gguf`, as llama-gguf-split names the parts of a file. */
const PART = /-(\d{5})-of-(\d{5})(?=\.gguf$)/i;
const COUNT = { min: 0, max: 99_999 };

/**
 * The header of a GGUF file, with the tensors of all its parts where it is the first of several.
 * Throws CheckpointError naming the part and the key or tensor: also where a part is missing, or belongs to another file.
 */
export function readGgufModel(file: string): GgufHeader {
  const first = readGgufHeader(file);
  const numParts = Math.max(1, first.metadata.integer('split.count', COUNT, 1));
  if (numParts === 1) return first;
  checkFirst(first, numParts);
  const others = Array.from({ length: numParts - 1 }, (_, i) => readPart(first, i + 1, numParts));
  const tensors = [first, ...others].flatMap((part) => part.tensors);
  checkTensors(first, tensors);
  return { ...first, tensors };
}

/** The name of a model in one file or several, without path. */
export function ggufName(file: string): string {
  return basename(file)
    .replace(PART, '')
    .replace(/\.gguf$/i, '');
}

function checkFirst({ file, metadata }: GgufHeader, numParts: number): void {
  const no = metadata.integer('split.no', COUNT);
  if (no !== 0)
    throw metadata.error('split.no', `part ${no + 1} of ${numParts}; name the first, ${partName(file, 1)}`);
  const [, number, total] = PART.exec(file) ?? [];
  if (Number(number) === 1 && Number(total) === numParts) return;
  throw metadata.error(
    'split.count',
    `the first of ${numParts} parts must be named …-00001-of-${padded(numParts)}.gguf, or the others cannot be found`,
  );
}

function readPart({ file }: GgufHeader, index: number, numParts: number): GgufHeader {
  const part = readGgufHeader(join(dirname(file), partName(file, index + 1)));
  for (const [key, expected] of [
    ['split.no', index],
    ['split.count', numParts],
  ] as const) {
    const value = part.metadata.integer(key, COUNT);
    if (value === expected) continue;
    throw part.metadata.error(key, `${value}, but as a part of ${basename(file)} it must be ${expected}`);
  }
  return part;
}

function partName(file: string, number: number): string {
  return basename(file).replace(PART, (_, __, total: string) => `-${padded(number)}-of-${total}`);
}

function padded(number: number): string {
  return String(number).padStart(5, '0');
}

function checkTensors({ metadata }: GgufHeader, tensors: GgufHeader['tensors']): void {
  const count = metadata.integer('split.tensors.count', { min: 0 }, tensors.length);
  if (count !== tensors.length)
    throw metadata.error('split.tensors.count', `${count}, but the parts hold ${tensors.length}`);
  const names = new Set<string>();
  for (const { name, file } of tensors) {
    if (names.has(name)) throw new CheckpointError(file, name, 'is in another part too');
    names.add(name);
  }
}
