import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../support/paths.js';

/** A module of scripts/, which must run before anything is compiled and so has no types of its own. */
export async function script<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(join(root, 'scripts', name)).href)) as T;
}
