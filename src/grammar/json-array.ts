import { times } from './ebnf.js';
import { GrammarError } from './grammar-error.js';
import type { SchemaObject } from './json-keywords.js';
import type { SchemaContext } from './schema-context.js';

/** Items that a grammar counts at most. */
const MAX_ITEMS = 10_000;

/** Arrays that the schema allows. */
export function arrayRule(schema: SchemaObject, at: string, context: SchemaContext): string {
  const { prefixItems = [], minItems = 0 } = schema;
  const rest = restItems(schema, at);
  const maxItems =
    rest === null
      ? Math.min(schema.maxItems ?? Number.POSITIVE_INFINITY, prefixItems.length)
      : (schema.maxItems ?? null);
  if (maxItems !== null && minItems > maxItems)
    throw new GrammarError(`${at} has a minItems above its maxItems.`);
  if (Math.max(minItems, maxItems ?? 0) > MAX_ITEMS) {
    throw new GrammarError(`${at}: minItems and maxItems go to ${MAX_ITEMS}.`);
  }
  if (prefixItems.length === 0) {
    if (rest === null || maxItems === 0) return `"[" ${context.text.space} "]"`;
    return `"[" ${context.text.list(context.rule(rest, `${at}/items`), minItems, maxItems)} ${context.text.space} "]"`;
  }
  return withPrefix({ ...schema, prefixItems, minItems }, rest, maxItems, at, context);
}

/** Schema of the items behind the first ones; null where there are none. A list of some is complete in strict mode. */
function restItems({ items, prefixItems }: SchemaObject, at: string): unknown {
  if (Array.isArray(items))
    throw new GrammarError(`${at}/items must be a schema; a list of them is prefixItems.`);
  if (items === false) return null;
  return items ?? (prefixItems === undefined ? true : null);
}

/** One item after another, from the last to the first: each says what may follow it. */
function withPrefix(
  { prefixItems, minItems }: Required<Pick<SchemaObject, 'prefixItems' | 'minItems'>>,
  rest: unknown,
  maxItems: number | null,
  at: string,
  { text, rule, rules }: SchemaContext,
): string {
  const numFirst = Math.min(prefixItems.length, maxItems ?? prefixItems.length);
  let next = '""';
  if (rest !== null && (maxItems === null || maxItems > numFirst)) {
    const more = `${text.comma} ${rule(rest, `${at}/items`)}`;
    next = times(more, Math.max(0, minItems - numFirst), maxItems === null ? null : maxItems - numFirst);
  }
  for (let i = numFirst - 1; i >= 0; i--) {
    const item = `${i === 0 ? text.space : text.comma} ${rule(prefixItems[i], `${at}/prefixItems/${i}`)} ${next}`;
    next = rules.add(i >= minItems ? `(${item})?` : item);
  }
  return `"[" ${next} ${text.space} "]"`;
}
