import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.js';

/** A field in a table of docs/api.md. */
export interface DocumentedField {
  /** As `messages[].role`. */
  readonly path: string;
  /** The last cell of its row. */
  readonly bounds: string;
}

/** What is used of a JSON Schema. */
export interface FieldSchema {
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly items?: FieldSchema;
  readonly anyOf?: readonly FieldSchema[];
  readonly not?: { readonly const?: unknown };
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly type?: string | readonly string[];
}

/** Of the tables of a section, rows that have one name each. */
export function documentedFields(title: string): readonly DocumentedField[] {
  const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8');
  const section = page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([\w.[\]]+)` \|(.*)\|$/gm)].map(([, path, cells]) => ({
    path,
    bounds: cells.split(/(?<!\\)\|/).at(-1) ?? '',
  }));
}

/** The schema at a path; undefined where there is none. */
export function schemaAt(schema: FieldSchema, path: string): FieldSchema | undefined {
  return path.split('.').reduce<FieldSchema | undefined>((at, key) => {
    const inner = at?.properties?.[key.replace('[]', '')];
    return key.endsWith('[]') ? inner?.items : inner;
  }, schema);
}

const BOUNDS = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'minProperties',
  'maxProperties',
];

/** Numbers that bound a value, or the entries of a list: `positive` is 1. What only keeps integers exact is no bound. */
export function schemaNumbers(schema: FieldSchema): Set<number> {
  const own = Object.entries(schema).flatMap(([key, value]) =>
    BOUNDS.includes(key) && typeof value === 'number' ? [value] : [],
  );
  const isExact = (schema.minimum ?? 0) >= 0;
  const bounds = own.filter((value) => !(isExact && value === Number.MAX_SAFE_INTEGER));
  const lengths = [...(schema.pattern ?? '').matchAll(/\{(\d+),(\d+)\}/g)].flatMap(([, from, to]) => [
    from,
    to,
  ]);
  const parts = [...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])].flatMap(
    (part) => [...schemaNumbers(part)],
  );
  const nonZero = schema.not?.const === 0 ? [1] : [];
  return new Set([...bounds, ...lengths.map(Number), ...nonZero, ...parts]);
}

/** Numbers that a cell names in figures; not those in code, in names, nor defaults. */
export function documentedNumbers(bounds: string): Set<number> {
  const figures = plainText(bounds).matchAll(/(?<![\w.])(-?)\(?(\d[\d,]*(?:\.\d+)?)(?:\^(\d+))?( - 1)?\)?/g);
  return new Set(
    [...figures].map(([, sign, base, exponent = '1', less]) => {
      const value = Number(base.replaceAll(',', '')) ** Number(exponent) - (less === undefined ? 0 : 1);
      return sign === '-' ? -value : value;
    }),
  );
}

/** Those that it says in words. */
export function impliedNumbers(bounds: string): readonly number[] {
  const text = plainText(bounds);
  return [...(/positive|empty/.test(text) ? [1] : []), ...(/of the vocabulary/.test(text) ? [0] : [])];
}

function plainText(bounds: string): string {
  return bounds
    .replace(/`[^`]*`/g, '')
    .replace(/default [^;]*/g, '')
    .replaceAll('−', '-');
}

/** Words in code. */
export function documentedWords(bounds: string): Set<string> {
  return new Set([...bounds.matchAll(/`([^`]*)`/g)].map(([, word]) => word));
}
