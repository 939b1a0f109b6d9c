import { fileURLToPath } from 'node:url';

/** Root of the repository, seen from `dist-test/support/`. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Path of a file or folder of `test/fixtures/`. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../test/fixtures/${name}`, import.meta.url));
}
