import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ElementType } from '../ops/ops.js';
import type { AdapterSummary } from './adapter.js';
import { candidatesFor } from './candidates.js';
import { SHADER_DIR } from './shaders.js';
import type { LinearChoice } from './tiling.js';
import { type ProductChoices, TOKEN_BUCKETS } from './tilings.js';
import type { Tuning } from './tuning.js';

/** Choices by the products' keys (`Tilings.keyOf`). */
export type Choices = ReadonlyMap<string, ProductChoices>;

/** A file's name: another adapter, driver, shader of a matrix product, default or candidate gives another. */
export function tuningFileName(
  { name, driver }: Pick<AdapterSummary, 'name' | 'driver'>,
  tuning: Tuning,
  shaderDir = SHADER_DIR,
): string {
  const hash = createHash('sha256').update(JSON.stringify([name, driver, tuning, TOKEN_BUCKETS]));
  for (const file of linearShaders(shaderDir))
    hash.update(`${file}\n`).update(readFileSync(join(shaderDir, file)));
  return `tuning-${hash.digest('hex').slice(0, 16)}.json`;
}

/** The products' kernels and all that they may include. */
function linearShaders(dir: string): readonly string[] {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((file) =>
    file.replaceAll('\\', '/'),
  );
  return files.filter((file) => /^(linear_\w+|(lib|weight|half|staged)\/\w+)\.wgsl$/.test(file)).sort();
}

/** What the file holds, nothing where there is none. Throws Error where it cannot be read or holds what is no candidate. */
export async function readChoices(path: string, tuning: Tuning): Promise<Choices> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? new Map() : parseChoices(JSON.parse(text), tuning);
}

/** Replaces the file as a whole, so that who reads it meanwhile finds the old one or the new. */
export async function writeChoices(path: string, choices: Choices): Promise<void> {
  const written = `${path}.${randomUUID()}`;
  const products = Object.fromEntries([...choices].map(([key, list]) => [key, list.map(encodeChoice)]));
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(written, `${JSON.stringify({ products }, null, 1)}\n`);
    await rename(written, path);
  } finally {
    await rm(written, { force: true });
  }
}

function encodeChoice(choice: LinearChoice | null): readonly (string | number)[] | null {
  return choice === null ? null : [choice.kernel, choice.lanes, choice.tokens];
}

function parseChoices(json: unknown, tuning: Tuning): Choices {
  const products = isRecord(json) && isRecord(json.products) ? json.products : null;
  if (products === null) throw new Error('holds no products');
  return new Map(Object.entries(products).map(([key, list]) => [key, parseProduct(key, list, tuning)]));
}

function parseProduct(key: string, list: unknown, tuning: Tuning): ProductChoices {
  if (!Array.isArray(list) || list.length !== TOKEN_BUCKETS.length)
    throw new Error(`${key}: is no list of choices`);
  const given: readonly unknown[] = list;
  return TOKEN_BUCKETS.map((bucket, i) => {
    const encoded = JSON.stringify(given[i]);
    if (encoded === 'null') return null;
    const choice = candidatesFor(bucket, activationsOf(key), tuning).find(
      (known) => JSON.stringify(encodeChoice(known)) === encoded,
    );
    if (choice === undefined) throw new Error(`${key}: ${encoded} is no candidate`);
    return choice;
  });
}

/** The type that a key of `Tilings.keyOf` ends with. */
function activationsOf(key: string): ElementType {
  if (key.endsWith(' int8')) return 'u32';
  return key.endsWith(' f16') ? 'f16' : 'f32';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
