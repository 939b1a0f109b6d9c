import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import t from 'tap';
import { FORMATS } from '#halflight/grammar/json-formats.js';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();
const GOOD = {
  date: ['2024-02-28', '1999-12-01'],
  time: ['23:59:59Z', '01:02:03.5+01:00'],
  'date-time': ['2024-02-28T01:02:03Z'],
  uuid: ['123e4567-e89b-12d3-a456-426614174000'],
  ipv4: ['0.0.0.0', '255.249.99.1'],
  hostname: ['a', 'example.com', 'x-1.example'],
  email: ['a@b.cd', 'first.last@example.co'],
} as const;
const BAD = [
  '',
  'x y',
  '2024-13-01',
  '24:00:00Z',
  '2024-01-01 00:00:00Z',
  '123e4567',
  '256.1.1.1',
  '1.2.3',
  '-a',
  'a@',
  '@b.c',
];

t.test('texts of a format fit, and others do not', async (t) => {
  const ajv = new Ajv();
  formats.default(ajv);
  for (const [format, good] of Object.entries(GOOD)) {
    t.ok(FORMATS[format], format);
    t.strictSame(await judge.valueMisfits({ type: 'string', format }, good), [], format);
    const valid = ajv.compile({ type: 'string', format });
    const texts = BAD.filter((text) => !valid(text));
    t.equal((await judge.valueMisfits({ type: 'string', format }, texts)).length, texts.length, format);
  }
});

t.test('a format that is not known is an annotation', async (t) => {
  t.strictSame(await judge.valueMisfits({ type: 'string', format: 'regex' }, ['(']), []);
});
