import t from 'tap';
import { callsSpec } from '#halflight/grammar/spec.js';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();
const functions = [
  { name: 'add', parameters: { properties: { a: { type: 'integer' } }, required: ['a'] } },
  { name: 'stop', parameters: {} },
];
const frame = (name: string) => ({ before: `${name}(`, after: ')' });

t.test('calls are of the functions, with arguments that are objects of their schemas', async (t) => {
  const spec = callsSpec(functions, frame, { separator: ';', maxCalls: 2 });
  t.strictSame(await judge.misfits(spec, ['add({"a":1})', 'stop({})', 'stop({});add({"a": 2})']), []);
  const wrong = [
    '',
    'add({})',
    'sub({})',
    'add({"a":1,"b":2})',
    'add(1)',
    'stop({});stop({});stop({})',
    'add({"a":1});',
  ];
  t.strictSame(await judge.misfits(spec, wrong), wrong);
});
