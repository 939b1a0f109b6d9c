import { join } from 'node:path';
import t from 'tap';
import { JSON_LIMITS, parseJson, readJson, readJsonIfAny } from '#halflight/checkpoint/json.js';

const encode = (text: string) => new TextEncoder().encode(text);
const parse = (text: string, limits = {}) => parseJson(encode(text), 'f.json', { ...JSON_LIMITS, ...limits });

t.test('depth is bounded before the parser sees the text', (t) => {
  t.strictSame(parse('[[1]]', { maxDepth: 2 }), [[1]]);
  t.throws(() => parse('[[[1]]]', { maxDepth: 2 }), {
    name: 'CheckpointError',
    message: 'f.json: character 2: nested deeper than 2',
  });
  t.throws(() => parse('['.repeat(1_000_000)), { name: 'CheckpointError', message: /deeper than 64/ });
  t.strictSame(parse('["[[[[", "\\"[[[["]', { maxDepth: 1 }), ['[[[[', '"[[[[']);
  t.end();
});

t.test('a repeated key is refused where keys must be unique, also when it is escaped', (t) => {
  t.strictSame(parse('{"a":1,"a":2}'), { a: 2 });
  const unique = { uniqueKeys: true };
  t.throws(() => parse('{"a":1,"a":2}', unique), { message: 'f.json: character 7: key "a" appears twice' });
  t.throws(() => parse('{"a":1,"\\u0061" :2}', unique), { message: /key "a" appears twice/ });
  t.strictSame(parse('{"a":{"a":"a"},"b":["a","a"]}', unique), { a: { a: 'a' }, b: ['a', 'a'] });
  t.end();
});

t.test('what is not JSON or not UTF-8 is refused with the name of the file', (t) => {
  t.throws(() => parse('{"a":}'), { name: 'CheckpointError', message: /^f\.json: JSON: not valid: / });
  t.throws(() => parse('"abc\\', { uniqueKeys: true }), { name: 'CheckpointError' });
  t.throws(() => parse('{"\\x":1}', { uniqueKeys: true }), { name: 'CheckpointError' });
  t.throws(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), 'f.json'), {
    message: 'f.json: text: not valid UTF-8',
  });
  t.end();
});

t.test('a file is read up to the allowed size', async (t) => {
  const dir = t.testdir({ 'a.json': '{"k":[1,2]}', folder: {} });
  const file = join(dir, 'a.json');
  t.strictSame(await readJson(file), { k: [1, 2] });
  await t.rejects(readJson(file, { ...JSON_LIMITS, maxBytes: 10 }), {
    name: 'CheckpointError',
    message: /11 bytes/,
  });
  await t.rejects(readJson(join(dir, 'b.json')), {
    name: 'CheckpointError',
    message: /b\.json: file: no such file/,
  });
  await t.rejects(readJson(join(dir, 'folder')), { name: 'CheckpointError', message: /not a regular file/ });
});

t.test('a file that may be absent gives undefined, and its faults are still faults', async (t) => {
  const dir = t.testdir({ 'a.json': '{' });
  t.equal(await readJsonIfAny(join(dir, 'b.json')), undefined);
  await t.rejects(readJsonIfAny(join(dir, 'a.json')), { name: 'CheckpointError' });
});
