import t from 'tap';
import { describeViolation } from '#halflight/server/violations.js';

type Violations = Parameters<typeof describeViolation>[0];

function violation(instancePath: string, more: object = {}): Violations[number] {
  return { keyword: 'type', instancePath, schemaPath: '#', params: {}, message: 'must be string', ...more };
}

t.test('says what the schema describes, at the field’s path', (t) => {
  const error = describeViolation([violation('/temperature', { parentSchema: { description: 'a number' } })]);
  t.match(error, { code: 'invalid_value', param: 'temperature', message: 'temperature must be a number.' });
  t.end();
});

t.test('falls back to the validator’s own words', (t) => {
  t.match(describeViolation([violation('/stop', { parentSchema: {} })]), {
    param: 'stop',
    message: 'stop must be string.',
  });
  t.match(describeViolation([violation('')]), { param: null, message: 'The body must be string.' });
  t.match(describeViolation([]), { code: 'invalid_value', param: null, message: 'The body is not valid.' });
  t.end();
});

t.test('writes a path as JavaScript does', (t) => {
  const paramOf = (pointer: string) => describeViolation([violation(pointer)]).param;
  t.equal(paramOf('/messages/0/content/12/text'), 'messages[0].content[12].text');
  t.equal(paramOf('/logit_bias/a~1b~0c'), 'logit_bias.a/b~c');
  t.equal(paramOf('/x~01'), 'x~1', '~01 is ~1, not a slash');
  t.end();
});

t.test('names the field that is missing, not the object that lacks it', (t) => {
  const missing = (pointer: string) =>
    describeViolation([violation(pointer, { params: { missingProperty: 'role' } })]);
  t.match(missing(''), { param: 'role', message: 'role is required.' });
  t.match(missing('/messages/3'), { param: 'messages[3].role', message: 'messages[3].role is required.' });
  t.end();
});

t.test('describes the last violation, which lists all alternatives', (t) => {
  const alternatives = [
    violation('/stop'),
    violation('/stop/0'),
    violation('/stop', { parentSchema: { description: 'a string or a list' } }),
  ];
  t.equal(describeViolation(alternatives).message, 'stop must be a string or a list.');
  t.end();
});
