import { GrammarError } from './grammar-error.js';

/** What `#/$defs/name` stands for in a schema. @throws GrammarError where it is none of this schema's parts */
export function resolveRef(root: unknown, ref: string, at: string): unknown {
  if (ref !== '#' && !ref.startsWith('#/')) {
    throw new GrammarError(`${at}/$ref must begin with "#/": other documents and anchors are not read.`);
  }
  const keys = ref.split('/').slice(1).map(unescapeKey);
  return keys.reduce<unknown>((schema, key) => {
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, key)) {
      throw new GrammarError(`${at}/$ref: there is no ${ref.slice(0, 100)}.`);
    }
    return Reflect.get(schema, key);
  }, root);
}

function unescapeKey(key: string): string {
  return safeDecode(key).replaceAll('~1', '/').replaceAll('~0', '~');
}

function safeDecode(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
