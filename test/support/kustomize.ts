import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

type Fields = Readonly<Record<string, unknown>>;

/** The manifests of a kustomization: its resources, with strategic merge patches; nothing else of kustomize is known. */
export function render(path: string): readonly Manifest[] {
  if (!statSync(path).isDirectory()) return documents(readFileSync(path, 'utf8'));
  const {
    resources,
    patches = [],
    ...rest
  } = parse(readFileSync(join(path, 'kustomization.yaml'), 'utf8')) as {
    resources: string[];
    patches?: { path: string }[];
  };
  const unknown = Object.keys(rest).filter((key) => !['apiVersion', 'kind'].includes(key));
  if (unknown.length > 0) throw new Error(`${path}: ${unknown.join(', ')} is not understood`);
  const all = resources.flatMap((name) => render(join(path, name)));
  const given = patches.flatMap((patch) => render(join(path, patch.path)));
  return all.map((manifest) => given.filter((patch) => isOf(patch, manifest)).reduce(merge, manifest));
}

/** What kustomize itself makes of it; null where this machine has none. */
export function renderByKustomize(path: string): readonly Manifest[] | null {
  for (const [command, ...args] of [
    ['kustomize', 'build'],
    ['kubectl', 'kustomize'],
  ] as const) {
    const { status, stdout } = spawnSync(command, [...args, path], { encoding: 'utf8' });
    if (status === 0) return documents(stdout);
  }
  return null;
}

export function documents(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

function isOf(patch: Manifest, { kind, metadata }: Manifest): boolean {
  return patch.kind === kind && patch.metadata.name === metadata.name;
}

/** Objects by key; lists of things with names by name; other lists and values are replaced. */
function merge<T>(target: T, patch: T): T {
  if (isNamedList(target) && isNamedList(patch)) {
    const names = new Set([...target, ...patch].map(({ name }) => name));
    const of = (list: readonly Named[], name: string) => list.find((one) => one.name === name);
    return [...names].map((name) => merge(of(target, name), of(patch, name) ?? of(target, name))) as T;
  }
  if (!isFields(target) || !isFields(patch)) return patch;
  const merged = Object.entries(patch).map(([key, value]) => [key, merge(target[key], value)]);
  return { ...target, ...Object.fromEntries(merged) } as T;
}

type Named = Fields & { readonly name: string };

function isNamedList(value: unknown): value is readonly Named[] {
  return Array.isArray(value) && value.every((one) => isFields(one) && typeof one.name === 'string');
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** With lists of named things in the order of their names, and keys in theirs, so that two renderings compare. */
export function inOrder(value: unknown): unknown {
  if (isNamedList(value)) return [...value].sort((a, b) => (a.name < b.name ? -1 : 1)).map(inOrder);
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, inOrder(value[key])]),
  );
}
