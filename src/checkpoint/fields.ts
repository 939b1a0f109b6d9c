import { CheckpointError } from '../errors.js';

export interface Bounds {
  readonly min: number;
  readonly max?: number;
}

/** A JSON object whose keys are read with their types checked. Errors name the file and the key's path. null counts as absent. */
export class Fields {
  private constructor(
    readonly file: string,
    /** Path of the object in its file with a final dot, or empty at the root. */
    private readonly path: string,
    private readonly object: object,
    /** Names that keys have in this file, where they are others. */
    private readonly names: Readonly<Record<string, string>> = {},
  ) {}

  /** @param value what JSON.parse gave; @param path where it stands in the file, empty for the whole file */
  static from(value: unknown, file: string, path = ''): Fields {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return new Fields(file, path === '' ? '' : `${path}.`, value);
    }
    throw new CheckpointError(file, path === '' ? 'JSON' : path, `must be an object, is ${describe(value)}`);
  }

  /** The same object with values for absent keys; a null that is written stays. */
  withDefaults(defaults: object): Fields {
    return new Fields(this.file, this.path, { ...defaults, ...this.object }, this.names);
  }

  /** The same object, in which a key is read under the name that it has in `names`, where it is there. */
  withNames(names: Readonly<Record<string, string>>): Fields {
    return new Fields(this.file, this.path, this.object, names);
  }

  keys(): string[] {
    return Object.keys(this.object);
  }

  has(key: string): boolean {
    return this.raw(key) !== null;
  }

  /** The value, or null where the key is absent. */
  raw(key: string): unknown {
    const name = this.#nameOf(key);
    if (!Object.hasOwn(this.object, name)) return null;
    const value: unknown = Reflect.get(this.object, name);
    return value ?? null;
  }

  error(key: string, problem: string): CheckpointError {
    return new CheckpointError(this.file, `${this.path}${this.#nameOf(key)}`, problem);
  }

  #nameOf(key: string): string {
    return Object.hasOwn(this.names, key) ? this.names[key] : key;
  }

  child(key: string): Fields {
    return Fields.from(this.raw(key), this.file, `${this.path}${key}`);
  }

  /** An object that a list under `key` holds. */
  item(key: string, value: unknown): Fields {
    return Fields.from(value, this.file, `${this.path}${key}`);
  }

  integer(key: string, bounds: Bounds, fallback: number | null = null): number {
    const value = this.number(key, bounds, fallback);
    if (!Number.isSafeInteger(value)) throw this.error(key, `must be an integer, is ${value}`);
    return value;
  }

  /** A finite number within the bounds, both included. */
  number(
    key: string,
    { min, max = Number.MAX_SAFE_INTEGER }: Bounds,
    fallback: number | null = null,
  ): number {
    const value = this.raw(key) ?? fallback;
    if (value === null) throw this.error(key, 'missing');
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      throw this.error(key, `must be a number from ${min} to ${max}, is ${describe(value)}`);
    }
    return value;
  }

  boolean(key: string, fallback: boolean | null = null): boolean {
    const value = this.raw(key) ?? fallback;
    if (value === null) throw this.error(key, 'missing');
    if (typeof value !== 'boolean') throw this.error(key, `must be true or false, is ${describe(value)}`);
    return value;
  }

  string(key: string, fallback: string | null = null): string {
    const value = this.raw(key) ?? fallback;
    if (value === null) throw this.error(key, 'missing');
    if (typeof value !== 'string') throw this.error(key, `must be a string, is ${describe(value)}`);
    return value;
  }

  strings(key: string): string[] {
    return this.list(key).map((value) => {
      if (typeof value === 'string') return value;
      throw this.error(key, `must be a list of strings, holds ${describe(value)}`);
    });
  }

  list(key: string): unknown[] {
    const value = this.raw(key);
    if (value === null) throw this.error(key, 'missing');
    if (!Array.isArray(value)) throw this.error(key, `must be a list, is ${describe(value)}`);
    return value;
  }
}

/** Whether a value switches a feature off: null, false, 0, or empty. */
export function isOff(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === null || value === false || value === 0 || value === '';
}

/** A value in an error message, cut to a readable length. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return 'absent or null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
