import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CheckpointError } from '#halflight/errors.js';
import { isJsonObject, readJsonObject } from '#halflight/text/json-file.js';

t.test('reads an object', (t) => {
  t.same(
    readJsonObject('a.json', () => '{"a": [1]}'),
    { a: [1] },
  );
  t.end();
});

t.test('names the file and what is wrong with it', (t) => {
  const file = join(t.testdir({}), 'missing.json');
  t.throws(() => readJsonObject(file, readFileSync), {
    name: 'CheckpointError',
    file,
    message: /cannot be read \(ENOENT\)/,
  });
  for (const [text, problem] of [
    ['', /not valid JSON/],
    ['{"a": 1', /not valid JSON/],
    ['[]', /must be a JSON object/],
    ['null', /must be a JSON object/],
    ['"a"', /must be a JSON object/],
  ] as const) {
    const error = t.throws(() => readJsonObject('a.json', () => text));
    t.type(error, CheckpointError);
    t.match(error, { file: 'a.json', message: problem });
  }
  t.end();
});

t.test('an error that is none of the file system’s goes through', (t) => {
  const defect = new TypeError('defect');
  const read = () => {
    throw defect;
  };
  t.throws(() => readJsonObject('a.json', read), defect);
  t.end();
});

t.test('a list and null are no objects', (t) => {
  t.same([{}, [], null, 'a', 1, undefined].map(isJsonObject), [true, false, false, false, false, false]);
  t.end();
});
