import t from 'tap';
import { checkFilePath, isChecksum, isCommit, parseRepository, quoted } from '#halflight/hub/names.js';
import { refuses } from '../support/commands.js';

t.test('a repository is org/name, with a revision and a quantization where they are given', (t) => {
  t.strictSame(parseRepository('Qwen/Qwen3-0.6B'), {
    id: 'Qwen/Qwen3-0.6B',
    revision: 'main',
    quantization: null,
  });
  t.match(parseRepository('a/b@v1.0'), { id: 'a/b', revision: 'v1.0' });
  t.match(parseRepository('a/b@refs/pr/1'), { revision: 'refs/pr/1' });
  t.match(parseRepository('a/b:Q4_K_M'), { revision: 'main', quantization: 'Q4_K_M' });
  t.strictSame(parseRepository('gpt2'), { id: 'gpt2', revision: 'main', quantization: null });
  t.match(parseRepository('gpt2@x:Q8_0'), { id: 'gpt2', revision: 'x', quantization: 'Q8_0' });
  t.match(parseRepository('a/b.gguf'), { id: 'a/b.gguf' });
  t.match(parseRepository('a/b_c.d@x:Q8_0'), { id: 'a/b_c.d', revision: 'x', quantization: 'Q8_0' });
  t.end();
});

t.test('other texts are no repository', (t) => {
  const texts = [
    '',
    '.',
    '..',
    'model.gguf',
    'model.safetensors',
    'a/b/c',
    './a/b',
    '../b',
    'a/..',
    '/a/b',
    'a/b/',
    'a/.b',
    '-a/b',
    'a/b--c',
    'a/b..c',
    'a/b.git',
    'a\\b',
    'a/b\n',
    'a b/c',
    `a/${'b'.repeat(200)}`,
  ];
  const revisions = [
    '',
    '../x',
    'x/../y',
    '/x',
    'x/',
    'x//y',
    '.x',
    'x..y',
    '-x',
    'x y',
    'x?y',
    'x%2e',
    'x\0',
  ];
  for (const text of [...texts, ...revisions.map((revision) => `a/b@${revision}`)])
    t.equal(parseRepository(text), null, JSON.stringify(text));
  t.end();
});

t.test('paths within a repository are kept, those that lead elsewhere are refused', async (t) => {
  for (const path of ['config.json', 'a/b.gguf', '..a', 'a..b', 'logs/12:00', 'ünï.txt'])
    t.equal(checkFilePath(path, 'a/b'), path);
  const hostile = [
    '',
    '..',
    '../x',
    'a/../../x',
    '/etc/passwd',
    'a//b',
    './x',
    'a/.',
    'a\\..\\x',
    'C:/x',
    'c:x',
    'a\0b',
    'a\nb',
    'a\x1b[2Jb',
    'a\x9b2Jb',
    'x'.repeat(2000),
  ];
  for (const path of hostile)
    await refuses(t, () => checkFilePath(path, 'a/b'), /^a\/b: has a file with a name that is not safe: "/);
});

t.test('a message holds no control character of a name', (t) => {
  t.equal(quoted('a\x1b[2J\x9b"b'), '"a?[2J?\\"b"');
  t.end();
});

t.test('commits and checksums are hex digits of a known number', (t) => {
  t.ok(isCommit('a'.repeat(40)));
  t.notOk(isCommit('main'));
  t.ok(isChecksum('0'.repeat(40)) && isChecksum('f'.repeat(64)));
  for (const text of ['', '../x', 'A'.repeat(40), 'a'.repeat(41), `${'a'.repeat(40)}\n`])
    t.notOk(isChecksum(text));
  t.end();
});
