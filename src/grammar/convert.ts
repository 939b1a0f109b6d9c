import { rawClass } from './char-set.js';
import { literal, RuleSet, times } from './ebnf.js';
import { GrammarError } from './grammar-error.js';
import { jsonSchemaToEbnf } from './json-schema.js';
import { regexToEbnf } from './regex.js';
import { type GrammarSpec, MAX_SCHEMA_DEPTH, MAX_SPEC_BYTES, type SpecPart } from './spec.js';

/** A specification as EBNF with the rule `root`. @throws GrammarError where it is none, or out of bounds */
export function specToEbnf(spec: GrammarSpec): string {
  checkBounds(spec);
  if (spec.type === 'ebnf') return checkEbnf(spec.text);
  const rules = new RuleSet();
  return rules.text(partToEbnf(spec, rules));
}

function partToEbnf(part: SpecPart, rules: RuleSet): string {
  switch (part.type) {
    case 'json_schema':
      return jsonSchemaToEbnf(part.schema, part.strict, rules);
    case 'regex':
      return rules.add(regexToEbnf(part.pattern, { char: rawClass, isSearch: false }));
    case 'choice':
      if (part.choices.length === 0) throw new GrammarError('There is no choice.');
      return rules.add(part.choices.map(literal).join(' | '));
    case 'literal':
      return literal(part.text);
    case 'sequence':
      return rules.add(part.parts.map((one) => partToEbnf(one, rules)).join(' ') || '""');
    case 'any_of':
      if (part.parts.length === 0) throw new GrammarError('There is no alternative.');
      return rules.add(part.parts.map((one) => partToEbnf(one, rules)).join(' | '));
    case 'repeat': {
      const one = partToEbnf(part.part, rules);
      const more = times(`${literal(part.separator)} ${one}`, 0, part.max === null ? null : part.max - 1);
      return rules.add(`${one} ${more}`);
    }
    default:
      return part satisfies never;
  }
}

/** Brackets nested deeper overflow the stack of whoever reads them. */
const MAX_EBNF_DEPTH = 200;

function checkEbnf(text: string): string {
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth += 1;
    if (char === ')') depth = Math.max(0, depth - 1);
    if (depth > MAX_EBNF_DEPTH)
      throw new GrammarError(`Brackets are nested more than ${MAX_EBNF_DEPTH} deep.`);
  }
  return text;
}

function checkBounds(spec: GrammarSpec): void {
  const bytes = Buffer.byteLength(spec.type === 'ebnf' ? spec.text : JSON.stringify(spec));
  if (bytes > maxBytes(spec)) throw new GrammarError(`It has more than ${MAX_SPEC_BYTES} bytes.`);
}

/** A specification that is put together holds several. */
function maxBytes({ type }: GrammarSpec): number {
  return type === 'sequence' || type === 'any_of' || type === 'repeat'
    ? 8 * MAX_SPEC_BYTES
    : MAX_SPEC_BYTES + 256;
}

/** Whether a value is nested within the bound; iterative, for the nesting may be hostile. */
export function isShallow(value: unknown): boolean {
  const open = [{ value, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    const depth = next.depth + 1;
    if (next.depth > MAX_SCHEMA_DEPTH) return false;
    open.push(...Object.values(next.value).map((inner) => ({ value: inner, depth })));
  }
  return true;
}
