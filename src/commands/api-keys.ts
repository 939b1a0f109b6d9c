import type { Values } from '../config.js';
import { UserError } from '../errors.js';
import { type ApiKey, numberedKeys, parseKeyFile } from '../server/keys.js';
import { readTextFile } from './files.js';

const MAX_FILE_BYTES = 2 ** 20;

type KeyValues = Values<'api-key' | 'api-key-file'>;

/** Keys of the command line, and those of the file. Throws UserError that names the option, and the file's line. */
export async function readApiKeys(values: KeyValues): Promise<readonly ApiKey[]> {
  const given = numberedKeys(values['api-key'], '--api-key');
  const file = values['api-key-file'];
  if (file === null) return given;
  const text = await readTextFile('--api-key-file', file, MAX_FILE_BYTES);
  const named = parseKeyFile(text, `--api-key-file: ${file}`);
  const both = given.find(({ digest }) => named.some((one) => one.digest.equals(digest)));
  if (both === undefined) return [...given, ...named];
  throw new UserError(`--api-key: key ${both.name.slice(1)} is in ${file} too; give it once`);
}
