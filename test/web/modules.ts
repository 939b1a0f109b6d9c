import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../support/paths.js';

/** A module of web/, which browsers run as it is; its types are checked by a test of their own. */
export async function pageModule<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(join(root, 'web', name)).href)) as T;
}
