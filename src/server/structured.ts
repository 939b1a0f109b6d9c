import { ApiError } from '../errors.js';
import { type GrammarSpec, JSON_OBJECT, type JsonSchemaSpec } from '../grammar/spec.js';
import type { CommonBody } from './schemas.js';

/** What a request says that its answer's text must be. */
export interface Structured {
  readonly spec: GrammarSpec;
  /** Where it says so. */
  readonly field: string;
}

type StructuredBody = Pick<
  CommonBody,
  | 'response_format'
  | 'structured_outputs'
  | 'guided_json'
  | 'guided_regex'
  | 'guided_choice'
  | 'guided_grammar'
>;

const KINDS = ['json', 'regex', 'choice', 'grammar', 'json_object'] as const;
type Kind = (typeof KINDS)[number];

/** null where the text is free. @throws ApiError for two ways at once, or one that is not known */
export function readStructured(body: StructuredBody): Structured | null {
  const found = [...readFormat(body.response_format ?? null), ...readOutputs(body), ...readGuided(body)];
  if (found.length < 2) return found[0] ?? null;
  const [{ field: first }, { field: second }] = found;
  throw new ApiError('invalid_value', `${second} does not go with ${first}; send one of them.`, second);
}

function readFormat(format: StructuredBody['response_format']): Structured[] {
  const field = 'response_format';
  if (format === null || format === undefined) return [];
  switch (format.type) {
    case 'text':
      return [];
    case 'json_object':
      return [{ spec: JSON_OBJECT, field }];
    case 'json_schema':
      return [readJsonSchema(format.json_schema ?? null, `${field}.json_schema`)];
    default:
      throw mustBe('text, json_object or json_schema', `${field}.type`);
  }
}

function readJsonSchema(given: Readonly<Record<string, unknown>> | null, at: string): Structured {
  const { schema, strict } = given ?? {};
  if (schema === undefined || schema === null) {
    throw new ApiError('invalid_value', `${at}.schema is required.`, `${at}.schema`);
  }
  return { spec: { type: 'json_schema', schema, strict: strict === true }, field: `${at}.schema` };
}

function readOutputs({ structured_outputs }: StructuredBody): Structured[] {
  const given = Object.entries(structured_outputs ?? {}).filter(
    ([, value]) => value !== null && value !== false,
  );
  return given.map(([key, value]) => {
    const field = `structured_outputs.${key}`;
    const kind = KINDS.find((known) => known === key);
    if (kind !== undefined) return { spec: READERS[kind](value, field), field };
    throw new ApiError('unsupported_parameter', `${field} is not supported; leave it out.`, field);
  });
}

function readGuided(body: StructuredBody): Structured[] {
  return KINDS.flatMap((kind) => {
    const field = `guided_${kind}`;
    const value: unknown = Reflect.get(body, field);
    return value === undefined || value === null || value === false
      ? []
      : [{ spec: READERS[kind](value, field), field }];
  });
}

const READERS: Readonly<Record<Kind, (value: unknown, field: string) => GrammarSpec>> = {
  json: (value, field): JsonSchemaSpec => {
    const schema = typeof value === 'string' ? parseJson(value, field) : value;
    return { type: 'json_schema', schema, strict: false };
  },
  json_object: (value, field) => {
    if (value !== true) throw mustBe('true or false', field);
    return JSON_OBJECT;
  },
  regex: (value, field) => ({ type: 'regex', pattern: text(value, field) }),
  grammar: (value, field) => ({ type: 'ebnf', text: text(value, field) }),
  choice: (value, field) => {
    const choices: unknown[] = Array.isArray(value) ? value : [null];
    if (choices.length === 0 || !choices.every((one) => typeof one === 'string')) {
      throw mustBe('a non-empty list of strings', field);
    }
    return { type: 'choice', choices };
  },
};

function text(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  throw mustBe('a string', field);
}

function parseJson(text: string, field: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw mustBe('a JSON Schema, or a string that holds one', field);
  }
}

function mustBe(what: string, field: string): ApiError {
  return new ApiError('invalid_value', `${field} must be ${what}.`, field);
}
