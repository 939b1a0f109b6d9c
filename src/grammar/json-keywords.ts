import { isDeepStrictEqual } from 'node:util';
import { GrammarError } from './grammar-error.js';

export type ValueType = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';

/** Keywords that are read, as `splitSchema` has checked them. */
export interface SchemaObject {
  readonly type?: ValueType | readonly ValueType[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly unevaluatedProperties?: unknown;
  readonly propertyNames?: unknown;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: unknown;
  readonly prefixItems?: readonly unknown[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

/** What a schema is, by the keywords that it has. */
export type Split =
  | { readonly kind: 'ref'; readonly ref: string }
  | { readonly kind: 'all'; readonly schema: unknown; readonly at: string }
  | { readonly kind: 'any' | 'one'; readonly schemas: readonly unknown[]; readonly at: string }
  | { readonly kind: 'constants'; readonly values: readonly unknown[] }
  | { readonly kind: 'types'; readonly schema: SchemaObject };

/** They say nothing of values; `format` is read where it is known. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...['$schema', '$id', '$comment', '$anchor', '$defs', 'definitions', '$vocabulary'],
  ...['title', 'description', 'default', 'examples', 'example', 'deprecated', 'readOnly', 'writeOnly'],
  ...['discriminator', 'contentEncoding', 'contentMediaType', 'nullable', 'strict'],
]);

const OF_TYPE = {
  object: [
    ...['properties', 'required', 'additionalProperties', 'unevaluatedProperties', 'propertyNames'],
    ...['minProperties', 'maxProperties'],
  ],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
} as const;
const TYPED: ReadonlySet<string> = new Set(Object.values(OF_TYPE).flat());
const COMBINED = ['$ref', 'allOf', 'anyOf', 'oneOf', 'const', 'enum'] as const;

/** Keywords that ask for nothing with that value. */
const NEUTRAL: Readonly<Record<string, unknown>> = { uniqueItems: false, minContains: 0, nullable: false };

const TYPES: ReadonlySet<unknown> = new Set([
  ...['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'],
]);

type Check = (value: unknown) => boolean;
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isText: Check = (value) => typeof value === 'string';
const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isList: Check = (value) => Array.isArray(value) && value.length > 0;

const SHAPES: Readonly<Record<string, readonly [Check, string]>> = {
  $ref: [isText, 'a string'],
  allOf: [isList, 'a list of schemas'],
  anyOf: [isList, 'a list of schemas'],
  oneOf: [isList, 'a list of schemas'],
  enum: [isList, 'a list of values'],
  properties: [isObject, 'an object of schemas'],
  required: [(value) => Array.isArray(value) && value.every(isText), 'a list of names'],
  prefixItems: [isList, 'a list of schemas'],
  pattern: [isText, 'a string'],
  format: [isText, 'a string'],
  ...Object.fromEntries(OF_TYPE.number.map((name) => [name, [isNumber, 'a number']])),
  ...Object.fromEntries(
    ['minProperties', 'maxProperties', 'minItems', 'maxItems', 'minLength', 'maxLength'].map((name) => [
      name,
      [isCount, 'a whole number of at least 0'],
    ]),
  ),
};

/** @throws GrammarError naming a keyword that is not known, malformed, or does not go with the others */
export function splitSchema(schema: SchemaObject, at: string): Split {
  const keywords = Object.keys(schema).filter((name) => !isNeutral(schema, name));
  for (const name of keywords) checkKeyword(schema, name, at);
  const combined = COMBINED.filter((name) => keywords.includes(name));
  const [first, second] = combined;
  if (first === undefined) return { kind: 'types', schema };
  if (second !== undefined) throw new GrammarError(`${at}: ${first} and ${second} together are not known.`);
  if (first === 'const' || first === 'enum')
    return { kind: 'constants', values: checkedConstants(schema, keywords, at) };
  const beside = keywords.find((name) => name !== first);
  if (beside !== undefined && !isImplied(schema, beside)) {
    throw new GrammarError(
      `${at}: ${beside} beside ${first} is not known; write it into the schemas of ${first}.`,
    );
  }
  return combinedSplit(schema as Readonly<Record<string, unknown>>, first, at);
}

function combinedSplit(schema: Readonly<Record<string, unknown>>, name: string, at: string): Split {
  if (name === '$ref') return { kind: 'ref', ref: String(schema.$ref) };
  const schemas = schema[name] as readonly unknown[];
  const path = `${at}/${name}`;
  if (name !== 'allOf') return { kind: name === 'anyOf' ? 'any' : 'one', schemas, at: path };
  if (schemas.length > 1)
    throw new GrammarError(`${path} of several schemas is not known; write them as one.`);
  return { kind: 'all', schema: schemas[0], at: `${path}/0` };
}

function isNeutral(schema: object, name: string): boolean {
  const value: unknown = Reflect.get(schema, name);
  if (Object.hasOwn(NEUTRAL, name)) return isDeepStrictEqual(value, NEUTRAL[name]);
  return ANNOTATIONS.has(name);
}

function checkKeyword(schema: object, name: string, at: string): void {
  const value: unknown = Reflect.get(schema, name);
  if (!TYPED.has(name) && name !== 'type' && !COMBINED.some((one) => one === name)) {
    throw new GrammarError(`${at}: the keyword ${JSON.stringify(name).slice(0, 100)} is not known.`);
  }
  const [check, shape] = SHAPES[name] ?? [() => true, ''];
  if (!check(value)) throw new GrammarError(`${at}/${name} must be ${shape}.`);
}

/** `type` beside anyOf or oneOf whose schemas all say their own, or beside a reference, would be an intersection. */
function isImplied({ type, ...schema }: SchemaObject, beside: string): boolean {
  if (beside !== 'type') return false;
  const { anyOf, oneOf } = schema as { readonly anyOf?: unknown; readonly oneOf?: unknown };
  const schemas = anyOf ?? oneOf;
  return (
    Array.isArray(schemas) &&
    schemas.every((one) => typeof one === 'object' && one !== null && Reflect.get(one, 'type') === type)
  );
}

/** Values that a schema lists, of its type; null where it lists none. */
export function constantsOf(schema: SchemaObject, at: string): readonly unknown[] | null {
  const split = splitSchema(schema, at);
  return split.kind === 'constants' ? split.values : null;
}

function checkedConstants(schema: SchemaObject, keywords: readonly string[], at: string): readonly unknown[] {
  const beside = keywords.find((name) => name !== 'enum' && name !== 'const' && name !== 'type');
  if (beside !== undefined) throw new GrammarError(`${at}: ${beside} beside the values is not known.`);
  const values = schema.enum ?? [schema.const];
  const types = readTypes(schema, at);
  return types === null ? values : values.filter((value) => types.some((type) => isOfType(value, type)));
}

function isOfType(value: unknown, type: ValueType): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

/** Types of a schema, by itself or by the keywords that it has; null where it may be any. */
export function schemaTypes(schema: SchemaObject, at: string): readonly ValueType[] | null {
  const types = readTypes(schema, at);
  if (types !== null) return types;
  const implied = Object.entries(OF_TYPE).filter(([, names]) =>
    names.some((name) => Object.hasOwn(schema, name)),
  );
  if (implied.length === 0) return null;
  if (implied.length > 1) throw new GrammarError(`${at} has keywords of several types and no type.`);
  return [implied[0][0] as ValueType];
}

function readTypes({ type }: SchemaObject, at: string): readonly ValueType[] | null {
  if (type === undefined) return null;
  const types = Array.isArray(type) ? (type as readonly ValueType[]) : [type as ValueType];
  if (types.length === 0 || !types.every((one) => TYPES.has(one))) {
    throw new GrammarError(`${at}/type must be a type of JSON, or a list of them.`);
  }
  // A whole number is a number too.
  return types.includes('number') ? types.filter((one) => one !== 'integer') : types;
}
