import { createHash } from 'node:crypto';
import { UserError } from '../errors.js';

/** A key that requests may carry; the key itself is not kept. */
export interface ApiKey {
  /** Shown in logs and metrics. Several keys may have one name: they count as one caller. */
  readonly name: string;
  /** SHA-256, 32 bytes. */
  readonly digest: Buffer;
}

/** Lines of a file of keys: what names are is what metrics have series for. */
const MAX_KEYS = 1000;
const KEY = /^[\x21-\x7e]+$/;
const LINE = /^([\w.-]{1,64}):\s*(\S+)$/;
const HASHED = /^sha256:([0-9a-f]{64})$/i;

export function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/**
 * Keys without names of their own: theirs are `#1`, `#2` and so on.
 * @param where begins the message, such as the option's name
 * @throws UserError where one is empty, or holds what no header carries unchanged
 */
export function numberedKeys(keys: readonly string[], where: string): ApiKey[] {
  return keys.map((key, i) => {
    if (KEY.test(key)) return { name: `#${i + 1}`, digest: digestOf(key) };
    throw new UserError(`${where}: key ${i + 1} must be printable ASCII, without spaces, and not empty`);
  });
}

/**
 * Reads lines `name: key` and `name: sha256:<64 hexadecimal digits>`; empty lines and those that begin with `#` are skipped.
 * @param where begins every message, such as the file's name; no message repeats what the file holds
 * @throws UserError that names the line
 */
export function parseKeyFile(text: string, where: string): ApiKey[] {
  const keys: ApiKey[] = [];
  const lineOf = new Map<string, number>();
  for (const [i, line] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const key = parseEntry(entry, `${where}: line ${i + 1}`);
    const hex = key.digest.toString('hex');
    const earlier = lineOf.get(hex);
    if (earlier !== undefined) {
      throw new UserError(`${where}: line ${i + 1}: the key is that of line ${earlier}`);
    }
    lineOf.set(hex, i + 1);
    keys.push(key);
  }
  if (keys.length === 0) throw new UserError(`${where}: has no keys; write lines "name: key"`);
  if (keys.length > MAX_KEYS) throw new UserError(`${where}: ${keys.length} keys, more than ${MAX_KEYS}`);
  return keys;
}

function parseEntry(entry: string, where: string): ApiKey {
  const [, name, secret] = LINE.exec(entry) ?? [];
  if (name === undefined || secret === undefined) {
    throw new UserError(
      `${where}: must be "name: key", the name of 1 to 64 letters, digits and . _ -, the key without spaces`,
    );
  }
  const [, hex] = HASHED.exec(secret) ?? [];
  if (hex !== undefined) return { name, digest: Buffer.from(hex, 'hex') };
  if (secret.toLowerCase().startsWith('sha256:')) {
    throw new UserError(`${where}: sha256: needs 64 hexadecimal digits`);
  }
  if (!KEY.test(secret)) throw new UserError(`${where}: the key must be printable ASCII`);
  return { name, digest: digestOf(secret) };
}
