import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readApiKeys } from '#halflight/commands/api-keys.js';
import { parseLine } from '#halflight/config.js';
import { refuses } from '../support/commands.js';

const read = (...args: string[]) => readApiKeys(parseLine(args, ['api-key', 'api-key-file']).values);

async function keyFile(t: Test, text: string): Promise<string> {
  const file = join(t.testdir(), 'keys.txt');
  await writeFile(file, text);
  return file;
}

t.test('keys come from the line, from a file, or from both', async (t) => {
  const file = await keyFile(t, 'ann: first\nbob: second\n');
  const names = async (...args: string[]) => (await read(...args)).map(({ name }) => name);
  t.strictSame(await names(), []);
  t.strictSame(await names('--api-key', 'a', '--api-key', 'b'), ['#1', '#2']);
  t.strictSame(await names('--api-key-file', file), ['ann', 'bob']);
  t.strictSame(await names('--api-key-file', file, '--api-key', 'a'), ['#1', 'ann', 'bob']);
});

t.test('a file that cannot be used is refused, and its line named', async (t) => {
  const file = await keyFile(t, 'ann: first\nbob\n');
  await refuses(t, () => read('--api-key-file', file), /^--api-key-file: .*keys\.txt: line 2: must be/);
  await refuses(t, () => read('--api-key-file', 'nowhere'), /^--api-key-file: nowhere: no such file/);
  const large = await keyFile(t, '#'.repeat(2 ** 20 + 1));
  await refuses(t, () => read('--api-key-file', large), /more than 1048576$/);
});

t.test('an empty key is refused: every request would carry it', async (t) => {
  await refuses(t, () => read('--api-key', ''), /^--api-key: key 1 must be .* not empty/);
});

t.test('a key that is in the file too is refused', async (t) => {
  const file = await keyFile(t, 'ann: first\n');
  await refuses(
    t,
    () => read('--api-key', 'other', '--api-key', 'first', '--api-key-file', file),
    /^--api-key: key 2 is in .*keys\.txt too/,
  );
});
