import { isDeepStrictEqual } from 'node:util';

type Keywords = Readonly<Record<string, unknown>>;

/** Whether no value fits two of the schemas, as far as their types, constants and required constants of properties tell. */
export function disjoint(schemas: readonly unknown[]): boolean {
  return schemas.every((one, i) => schemas.slice(i + 1).every((other) => differ(one, other)));
}

function differ(one: unknown, other: unknown): boolean {
  if (!isSchema(one) || !isSchema(other)) return false;
  const [types, otherTypes] = [typesOf(one), typesOf(other)];
  if (
    types !== null &&
    otherTypes !== null &&
    !types.some((type) => otherTypes.some((type2) => overlap(type, type2)))
  ) {
    return true;
  }
  return noConstantInCommon(one, other) || tagsDiffer(one, other);
}

function isSchema(value: unknown): value is Keywords {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typesOf({ type }: Keywords): unknown[] | null {
  if (type === undefined) return null;
  return Array.isArray(type) ? type : [type];
}

function overlap(a: unknown, b: unknown): boolean {
  const isNumeric = (type: unknown) => type === 'integer' || type === 'number';
  return a === b || (isNumeric(a) && isNumeric(b));
}

function constants(schema: Keywords): readonly unknown[] | null {
  if (Object.hasOwn(schema, 'const')) return [schema.const];
  return Array.isArray(schema.enum) ? schema.enum : null;
}

function noConstantInCommon(one: Keywords, other: Keywords): boolean {
  const [values, others] = [constants(one), constants(other)];
  if (values === null || others === null) return false;
  return !values.some((value) => others.some((value2) => isDeepStrictEqual(value, value2)));
}

/** Both require a property whose constants they do not share: a discriminator. */
function tagsDiffer(one: Keywords, other: Keywords): boolean {
  if (one.type !== 'object' || other.type !== 'object') return false;
  const [properties, others] = [one.properties, other.properties];
  if (!isSchema(properties) || !isSchema(others)) return false;
  return required(one)
    .filter((name) => required(other).includes(name))
    .some((name) => {
      const [tag, tag2] = [properties[name], others[name]];
      return isSchema(tag) && isSchema(tag2) && noConstantInCommon(tag, tag2);
    });
}

function required({ required: names }: Keywords): string[] {
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}
