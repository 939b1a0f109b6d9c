import { jsonClass } from './char-set.js';
import { literal, type RuleSet } from './ebnf.js';
import { GrammarError } from './grammar-error.js';
import { arrayRule } from './json-array.js';
import { disjoint } from './json-disjoint.js';
import { FORMATS } from './json-formats.js';
import { constantsOf, type SchemaObject, schemaTypes, splitSchema, type ValueType } from './json-keywords.js';
import { objectRule } from './json-object.js';
import { JsonText, quoted } from './json-text.js';
import { type Bound, decimalRange, integerRange } from './number-range.js';
import { regexToEbnf } from './regex.js';
import type { SchemaContext } from './schema-context.js';
import { resolveRef } from './schema-ref.js';

/**
 * JSON texts that a schema (draft 2020-12) allows, as EBNF. What is written is always valid; of what is valid some ways to write it are left
 * out: properties come in the schema's order, bounded numbers have no exponent.
 * @returns the name of the rule. @throws GrammarError with the path of a keyword that cannot be honoured, or holds for no value
 */
export function jsonSchemaToEbnf(schema: unknown, strict: boolean, rules: RuleSet): string {
  return new SchemaConverter(schema, strict, rules).rule(schema, '#');
}

class SchemaConverter implements SchemaContext {
  readonly text: JsonText;
  readonly #byPath = new Map<string, string>();
  /** Paths of the schemas that are read for one value. */
  #following: string[] = [];

  constructor(
    readonly root: unknown,
    readonly strict: boolean,
    readonly rules: RuleSet,
  ) {
    this.text = new JsonText(rules);
  }

  /** A schema is one rule, wherever it is referred to from: so it may refer to itself. */
  rule = (schema: unknown, at: string): string => {
    const known = this.#byPath.get(at);
    if (known !== undefined) return known;
    const name = this.rules.reserve();
    this.#byPath.set(at, name);
    this.#following.push(at);
    this.rules.define(name, this.#body(schema, at));
    this.#following.pop();
    return name;
  };

  stringRule = (schema: SchemaObject, at: string): string => {
    const constants = constantsOf(schema, at);
    if (constants !== null) return this.#constants(constants.filter(isString), at);
    return this.#string(schema, at);
  };

  #body(schema: unknown, at: string): string {
    if (schema === true) return this.text.value;
    if (schema === false) throw new GrammarError(`${at} allows no value.`);
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      throw new GrammarError(`${at} must be an object, true or false.`);
    }
    const split = splitSchema(schema as SchemaObject, at);
    switch (split.kind) {
      case 'ref':
        return this.#reference(split.ref, at);
      case 'all':
        return this.#inline(split.schema, split.at);
      case 'any':
        return split.schemas.map((one, i) => this.#inline(one, `${split.at}/${i}`)).join(' | ');
      case 'one':
        return this.#exclusive(split.schemas, split.at);
      case 'constants':
        return this.#constants(split.values, at);
      case 'types':
        return this.#types(split.schema, at);
      default:
        return split satisfies never;
    }
  }

  /** A schema that stands for the very value of the one around it: one that comes back to itself says nothing. */
  #inline(schema: unknown, at: string): string {
    if (this.#following.includes(at)) throw new GrammarError(`${at} refers to itself and to nothing else.`);
    return this.rule(schema, at);
  }

  #reference(ref: string, at: string): string {
    return this.#inline(resolveRef(this.root, ref, at), ref);
  }

  /** A part of a value, which begins anew. */
  #nested<T>(make: () => T): T {
    const following = this.#following;
    this.#following = [];
    const made = make();
    this.#following = following;
    return made;
  }

  #exclusive(schemas: readonly unknown[], at: string): string {
    const resolved = schemas.map((one, i) => {
      const ref = typeof one === 'object' && one !== null ? Reflect.get(one, '$ref') : undefined;
      return typeof ref === 'string' ? resolveRef(this.root, ref, `${at}/${i}`) : one;
    });
    if (!disjoint(resolved)) {
      throw new GrammarError(
        `${at}: oneOf is known where its schemas differ by type or by a constant of a required property; use anyOf.`,
      );
    }
    return schemas.map((one, i) => this.#inline(one, `${at}/${i}`)).join(' | ');
  }

  #constants(values: readonly unknown[], at: string): string {
    if (values.length === 0) throw new GrammarError(`${at} allows no value.`);
    return `(${values.map((value) => literal(JSON.stringify(value))).join(' | ')})`;
  }

  #types(schema: SchemaObject, at: string): string {
    const types = schemaTypes(schema, at);
    if (types === null) return this.text.value;
    return this.#nested(() => types.map((type) => this.#typed(type, schema, at)).join(' | '));
  }

  #typed(type: ValueType, schema: SchemaObject, at: string): string {
    switch (type) {
      case 'null':
        return '"null"';
      case 'boolean':
        return '("true" | "false")';
      case 'integer':
      case 'number':
        return this.#number(type, schema, at);
      case 'string':
        return this.#string(schema, at);
      case 'array':
        return arrayRule(schema, at, this);
      case 'object':
        return objectRule(schema, at, this);
      default:
        return type satisfies never;
    }
  }

  #number(type: 'integer' | 'number', schema: SchemaObject, at: string): string {
    const min = tighter(schema.minimum, schema.exclusiveMinimum, 1);
    const max = tighter(schema.maximum, schema.exclusiveMaximum, -1);
    try {
      return type === 'integer' ? integerRange(min, max) : decimalRange(min, max);
    } catch (error) {
      throw error instanceof GrammarError ? new GrammarError(`${at}: ${error.message}`) : error;
    }
  }

  #string({ pattern, format, minLength, maxLength }: SchemaObject, at: string): string {
    const shape = pattern ?? (format === undefined ? undefined : FORMATS[format]);
    if (shape === undefined) {
      if ((minLength ?? 0) > (maxLength ?? Number.POSITIVE_INFINITY)) {
        throw new GrammarError(`${at} has a minLength above its maxLength.`);
      }
      return this.text.string(minLength ?? 0, maxLength ?? null);
    }
    if (minLength !== undefined || maxLength !== undefined) {
      throw new GrammarError(
        `${at}: a length beside pattern or format is not known; write it into the pattern.`,
      );
    }
    if (pattern !== undefined && format !== undefined && FORMATS[format] !== undefined) {
      throw new GrammarError(`${at}: pattern and format together are not known.`);
    }
    try {
      return quoted(`(${regexToEbnf(shape, { char: jsonClass, isSearch: true })})`);
    } catch (error) {
      throw error instanceof GrammarError ? new GrammarError(`${at}/pattern: ${error.message}`) : error;
    }
  }
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

/** Of a bound and an exclusive one the one that leaves less. @param side 1 for lower bounds, -1 for upper ones */
function tighter(bound: number | undefined, exclusive: number | undefined, side: 1 | -1): Bound | null {
  if (exclusive !== undefined && (bound === undefined || side * exclusive >= side * bound)) {
    return { value: exclusive, isExclusive: true };
  }
  return bound === undefined ? null : { value: bound, isExclusive: false };
}
