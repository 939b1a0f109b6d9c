/** Small JSON Schemas, each of a seed: its texts have an end, so that a model comes to it. */

import { Random } from './random.js';

type Schema = Readonly<Record<string, unknown>>;

const NAMES = ['name', 'age', 'kind', 'tags', 'a b', 'größe', 'x"y', 'id', 'is_open', '名前'];
const WORDS = ['red', 'green', 'blue', '猫', 'a "b"', '', 'x\ny', '😀'];

/** An object of up to four properties, nested up to three deep. */
export function randomSchema(seed: number): Schema {
  const random = new Random(seed);
  return objectSchema((n) => random.below(n), 0);
}

function anySchema(pick: (n: number) => number, depth: number): Schema {
  const makers = [stringSchema, numberSchema, enumSchema, booleanSchema, patternSchema];
  const nested = [objectSchema, arraySchema, unionSchema];
  const all = depth < 2 ? [...makers, ...nested] : makers;
  return all[pick(all.length)](pick, depth + 1);
}

function objectSchema(pick: (n: number) => number, depth: number): Schema {
  const names = NAMES.slice(pick(4), 4 + pick(4)).filter(() => pick(3) > 0);
  const properties = Object.fromEntries(names.map((name) => [name, anySchema(pick, depth)]));
  return {
    type: 'object',
    properties,
    required: names.filter(() => pick(2) === 0),
    additionalProperties: false,
  };
}

function arraySchema(pick: (n: number) => number, depth: number): Schema {
  const minItems = pick(2);
  if (pick(4) === 0)
    return { type: 'array', prefixItems: [enumSchema(pick), booleanSchema(pick)], items: false, minItems: 2 };
  return { type: 'array', items: anySchema(pick, depth), minItems, maxItems: minItems + pick(3) };
}

function unionSchema(pick: (n: number) => number, depth: number): Schema {
  return { anyOf: [anySchema(pick, depth), { type: 'null' }] };
}

function stringSchema(pick: (n: number) => number): Schema {
  const minLength = pick(3);
  return { type: 'string', minLength, maxLength: minLength + pick(8) };
}

function patternSchema(pick: (n: number) => number): Schema {
  const patterns = ['^[a-c]{2,4}$', '^\\d{3}-\\d{2}$', '^(yes|no|[äöü])$', '^[^"]{1,5}$', '^\\S{2}\\s?\\w$'];
  return { type: 'string', pattern: patterns[pick(patterns.length)] };
}

function numberSchema(pick: (n: number) => number): Schema {
  const minimum = pick(200) - 100;
  const bounds = { minimum, maximum: minimum + pick(500) };
  return pick(2) === 0 ? { type: 'integer', ...bounds } : { type: 'number', ...bounds };
}

function enumSchema(pick: (n: number) => number): Schema {
  return {
    enum: [WORDS[pick(WORDS.length)], pick(9), pick(2) === 0, null, WORDS[0]].filter(
      (one, i, all) => all.indexOf(one) === i,
    ),
  };
}

function booleanSchema(pick: (n: number) => number): Schema {
  return pick(3) === 0 ? { const: pick(2) === 0 } : { type: 'boolean' };
}
