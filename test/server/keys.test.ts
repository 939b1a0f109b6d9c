import { createHash } from 'node:crypto';
import t from 'tap';
import { UserError } from '#halflight/errors.js';
import { numberedKeys, parseKeyFile } from '#halflight/server/keys.js';

const sha256 = (key: string) => createHash('sha256').update(key).digest('hex');

function read(text: string): string[][] {
  return parseKeyFile(text, 'keys.txt').map(({ name, digest }) => [name, digest.toString('hex')]);
}

t.test('a file has keys and hashes of keys by name, comments and empty lines', (t) => {
  const hash = sha256('third');
  const text = `\ufeff# callers\n\nann: first\r\n  bob_2.x-y:second:with=signs\nann: sha256:${hash.toUpperCase()}\n`;
  t.strictSame(read(text), [
    ['ann', sha256('first')],
    ['bob_2.x-y', sha256('second:with=signs')],
    ['ann', hash],
  ]);
  t.end();
});

t.test('a bad line is named, and what it holds is not told', (t) => {
  const long = 'n'.repeat(65);
  const cases: readonly (readonly [string, RegExp])[] = [
    ['canary', /^keys\.txt: line 2: must be "name: key"/],
    [': canary', /^keys\.txt: line 2: must be "name: key"/],
    ['ann:', /^keys\.txt: line 2: must be "name: key"/],
    ['ann: canary canary', /^keys\.txt: line 2: must be "name: key"/],
    ['a b: canary', /^keys\.txt: line 2: must be "name: key"/],
    ['#1x : canary', /^keys\.txt: has no keys/],
    [`${long}: canary`, /^keys\.txt: line 2: must be "name: key"/],
    ['ann: sha256:canary', /^keys\.txt: line 2: sha256: needs 64 hexadecimal digits/],
    ['ann: SHA256:', /^keys\.txt: line 2: sha256: needs 64 hexadecimal digits/],
    ['ann: canäry', /^keys\.txt: line 2: the key must be printable ASCII/],
  ];
  for (const [line, message] of cases) {
    t.throws(() => read(`\n${line}\n`), { message }, line);
    t.throws(() => read(`\n${line}\n`), UserError);
    t.throws(() => read(`\n${line}\n`), { message: /^(?!.*canary)/ }, `${line} is not told`);
  }
  t.end();
});

t.test('one key cannot have two names, nor stand twice', (t) => {
  const message = 'keys.txt: line 3: the key is that of line 1';
  t.throws(() => read('ann: first\nbob: second\ncarl: first'), { message });
  t.throws(() => read(`ann: first\nbob: second\nann: sha256:${sha256('first')}`), { message });
  t.end();
});

t.test('a file has at least one key and at most 1000', (t) => {
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `name${i}: key${i}`).join('\n');
  t.throws(() => read('# nobody\n'), { message: /^keys\.txt: has no keys/ });
  t.equal(read(lines(1000)).length, 1000);
  t.throws(() => read(lines(1001)), { message: 'keys.txt: 1001 keys, more than 1000' });
  t.end();
});

t.test('keys without names are numbered; none is empty or has what headers do not carry', (t) => {
  t.strictSame(
    numberedKeys(['a', 'b'], '--api-key').map(({ name }) => name),
    ['#1', '#2'],
  );
  for (const bad of ['', 'a b', 'ä', 'a\n']) {
    t.throws(() => numberedKeys(['good', bad], '--api-key'), { message: /^--api-key: key 2 must be/ });
  }
  t.end();
});
