import fc, { type Arbitrary } from 'fast-check';

/** What the API's schemas use of JSON Schema. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly pattern?: string;
}

/** What nobody foresees: of any type, and at the edges of each. */
export const junk: Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(-1, 0, 1e308, 2 ** 53, 0.5, '', '\u0000', '\uD800', '<|im_end|>', [], {}, [[]], null),
);

const MAX_LENGTH = 20;
const MAX_ITEMS = 3;

/** Values that the schema allows, mostly small ones. Those of a pattern are one that every pattern of the API has. */
export function valuesOf(schema: Schema): Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valuesOf));
  const types = [schema.type ?? []].flat();
  return types.length === 0 ? junk : fc.oneof(...types.map((type) => ofType(type, schema)));
}

function ofType(type: string, schema: Schema): Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'string':
      return schema.pattern === undefined ? strings(schema) : fc.constant('name-1');
    case 'integer':
      return integers(schema);
    case 'number':
      return integers({ minimum: schema.exclusiveMinimum, ...schema }).map(
        (n) => n || (schema.maximum ?? 0) / 2,
      );
    case 'array': {
      const minLength = schema.minItems ?? 0;
      return fc.array(valuesOf(schema.items ?? {}), { minLength, maxLength: minLength + MAX_ITEMS });
    }
    default:
      return objects(schema);
  }
}

function strings({ minLength = 0, maxLength = MAX_LENGTH }: Schema): Arbitrary<string> {
  return fc.string({ unit: 'binary', minLength, maxLength: Math.min(maxLength, minLength + MAX_LENGTH) });
}

function integers({ minimum = -10, maximum = 10 }: Schema): Arbitrary<number> {
  const [min, max] = [Math.ceil(minimum), Math.floor(maximum)];
  const small = fc.integer({ min: Math.max(min, -10), max: Math.min(max, 20) });
  return fc.oneof({ weight: 9, arbitrary: small }, { weight: 1, arbitrary: fc.constantFrom(min, max) });
}

function objects({ properties = {}, required = [], additionalProperties }: Schema): Arbitrary<object> {
  if (additionalProperties !== undefined) {
    return fc.dictionary(fc.string({ maxLength: 8 }), valuesOf(additionalProperties), { maxKeys: 3 });
  }
  const optional = Object.keys(properties).filter((key) => !required.includes(key));
  const model = Object.fromEntries(required.map((key) => [key, valuesOf(properties[key] ?? {})]));
  const some = fc.subarray(optional, { maxLength: Math.min(5, optional.length) });
  return fc.tuple(fc.record(model), some).chain(([base, keys]) => {
    const more = Object.fromEntries(keys.map((key) => [key, valuesOf(properties[key] ?? {})]));
    return fc.record(more).map((rest) => ({ ...base, ...rest }));
  });
}
