import { describe, type Fields, isOff } from '../fields.js';

/**
 * Throws CheckpointError for a key that is neither known nor off: it may change the result.
 * @param known names separated by spaces
 */
export function refuseUnknown(config: Fields, known: string): void {
  const names = new Set(known.split(' '));
  for (const key of config.keys()) {
    if (names.has(key) || isOff(config.raw(key))) continue;
    throw config.error(key, 'not understood, and it may change the result');
  }
}

/** Throws CheckpointError where the key holds another value. @param values the first one stands where the key is absent */
export function oneOf<T extends string | number | boolean>(
  config: Fields,
  key: string,
  values: readonly T[],
): T {
  const value = config.raw(key) ?? values[0];
  const found = values.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw config.error(key, `${describe(value)} is not read; known: ${values.join(', ')}`);
}

/** Columns that share a scale; null where the key says −1 or is absent. */
export function groupSizeOf(config: Fields, key: string): number | null {
  const size = config.integer(key, { min: -1, max: 2 ** 24 }, -1);
  if (size === 0) throw config.error(key, 'must be −1 or above 0');
  return size === -1 ? null : size;
}

/** More of them on one name of 100 characters take a second or longer. */
const MAX_REPETITIONS = 5;

/**
 * A pattern of the checkpoint, matched from the start of a module's path as Python's `re.match` does.
 * Throws CheckpointError where it is no pattern, or one that could take forever: a repeated group, back references, many repetitions.
 */
export function modulePattern(config: Fields, key: string, pattern: string): RegExp {
  const repetitions = pattern.match(/[*+{]/g)?.length ?? 0;
  if (pattern.length > 1000 || repetitions > MAX_REPETITIONS || /\)[*+{]|\\[1-9k]/.test(pattern)) {
    throw config.error(key, `pattern ${describe(pattern)} could take too long to match`);
  }
  try {
    return new RegExp(`^(?:${pattern})`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw config.error(key, `${describe(pattern)} is no pattern`);
  }
}
