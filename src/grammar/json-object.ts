import { literal } from './ebnf.js';
import { GrammarError } from './grammar-error.js';
import type { SchemaObject } from './json-keywords.js';
import { otherNames, quoted } from './json-text.js';
import type { SchemaContext } from './schema-context.js';

interface Member {
  /** Key and value as EBNF. */
  readonly text: string;
  readonly isRequired: boolean;
}

/** Objects that the schema allows: its properties in its order, then others. */
export function objectRule(schema: SchemaObject, at: string, context: SchemaContext): string {
  const { text } = context;
  const others = otherProperties(schema, at, context);
  const members = membersOf(schema, at, context);
  const body =
    members.length === 0 ? freeObject(schema, at, others, context) : chain(members, others, context);
  if (members.length > 0) checkCounts(schema, at, members, others);
  return `"{" ${body} ${text.space} "}"`;
}

/** Schema of properties that are not named; null where there are none. */
function otherSchema(
  { additionalProperties, unevaluatedProperties, properties }: SchemaObject,
  strict: boolean,
): unknown {
  const said = additionalProperties ?? unevaluatedProperties;
  if (said === false) return null;
  return said ?? (strict && properties !== undefined ? null : true);
}

/** One more property; null where there is none. */
function otherProperties(schema: SchemaObject, at: string, context: SchemaContext): string | null {
  const value = otherSchema(schema, context.strict);
  if (value === null) return null;
  const names = [...Object.keys(schema.properties ?? {}), ...(schema.required ?? [])];
  const key = context.rules.add(otherKey(schema, names, at, context));
  return context.rules.add(context.text.member(key, context.rule(value, `${at}/additionalProperties`)));
}

function otherKey(
  { propertyNames }: SchemaObject,
  names: readonly string[],
  at: string,
  context: SchemaContext,
): string {
  if (propertyNames === undefined || propertyNames === true) return quoted(otherNames(names));
  if (names.length > 0 || typeof propertyNames !== 'object' || propertyNames === null) {
    throw new GrammarError(`${at}/propertyNames is known as an object, where no property is named.`);
  }
  return context.stringRule(propertyNames as SchemaObject, `${at}/propertyNames`);
}

/** Properties in order; required ones that are not described come last, as the others may be. */
function membersOf(schema: SchemaObject, at: string, context: SchemaContext): Member[] {
  const { properties = {}, required = [] } = schema;
  const described = Object.entries(properties).map(([name, value]) => ({
    text: context.text.member(literal(JSON.stringify(name)), context.rule(value, pathOf(at, name))),
    isRequired: required.includes(name),
  }));
  const other = otherSchema(schema, false);
  const rest = [...new Set(required)].filter((name) => !Object.hasOwn(properties, name));
  if (rest.length > 0 && other === null) {
    throw new GrammarError(
      `${at} requires ${JSON.stringify(rest[0]).slice(0, 100)}, which is none of its properties.`,
    );
  }
  const undescribed = rest.map((name) => ({
    text: context.text.member(
      literal(JSON.stringify(name)),
      context.rule(other, `${at}/additionalProperties`),
    ),
    isRequired: true,
  }));
  return [...described, ...undescribed];
}

function pathOf(at: string, name: string): string {
  return `${at}/properties/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Optional properties are left out or not, and a comma stands between two: two rules for each property, before and after a first one. */
function chain(members: readonly Member[], others: string | null, { text, rules }: SchemaContext): string {
  let first = others === null ? '""' : rules.add(text.list(others, 0, null));
  let later = others === null ? '""' : rules.add(`(${text.comma} ${others})*`);
  for (const { text: member, isRequired } of members.toReversed()) {
    const asFirst = `${text.space} ${member} ${later}`;
    const asLater = `${text.comma} ${member} ${later}`;
    first = rules.add(isRequired ? asFirst : `${asFirst} | ${first}`);
    later = rules.add(isRequired ? asLater : `${asLater} | ${later}`);
  }
  return first;
}

function freeObject(
  { minProperties = 0, maxProperties }: SchemaObject,
  at: string,
  others: string | null,
  { text }: SchemaContext,
): string {
  if (minProperties > (maxProperties ?? Number.POSITIVE_INFINITY)) {
    throw new GrammarError(`${at} has a minProperties above its maxProperties.`);
  }
  if (others !== null) return text.list(others, minProperties, maxProperties ?? null);
  if (minProperties > 0) throw new GrammarError(`${at} has a minProperties and no properties.`);
  return '""';
}

/** Counts that the properties hold by themselves are no limit. */
function checkCounts(
  { minProperties = 0, maxProperties = Number.POSITIVE_INFINITY }: SchemaObject,
  at: string,
  members: readonly Member[],
  others: string | null,
): void {
  const numRequired = members.filter(({ isRequired }) => isRequired).length;
  const isBounded = others === null && maxProperties >= members.length;
  if (minProperties <= numRequired && (isBounded || maxProperties === Number.POSITIVE_INFINITY)) return;
  throw new GrammarError(
    `${at}: minProperties and maxProperties are not known beside properties that are named.`,
  );
}
