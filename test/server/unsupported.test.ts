import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  refuseUnsupported,
  UNSUPPORTED_CHAT,
  UNSUPPORTED_COMPLETION,
} from '#halflight/server/unsupported.js';
import { root } from '../support/paths.js';

type Table = typeof UNSUPPORTED_CHAT;

const TABLES: Readonly<Record<string, Table>> = {
  completions: UNSUPPORTED_COMPLETION,
  chat: UNSUPPORTED_CHAT,
};

/** Of each type of JSON, and of each what is and is not a neutral value somewhere. */
const VALUES = [
  true,
  false,
  0,
  1,
  2,
  '',
  'none',
  'auto',
  'x',
  [],
  ['text'],
  ['x'],
  {},
  { type: 'text' },
  { a: 1 },
];

/** The body in which `path` has the value. */
function bodyWith(path: string, value: unknown): object {
  const keys = path.split('.');
  return keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
}

for (const [endpoint, table] of Object.entries(TABLES)) {
  t.test(`${endpoint}: each neutral value is accepted, each other one refused by its name`, (t) => {
    for (const { name, neutral } of table) {
      for (const value of [...neutral, null, undefined]) {
        t.doesNotThrow(() => refuseUnsupported(bodyWith(name, value), table), `${name}: ${String(value)}`);
      }
      const known = new Set(neutral.map((value) => JSON.stringify(value)));
      for (const value of VALUES.filter((one) => !known.has(JSON.stringify(one)))) {
        t.throws(() => refuseUnsupported(bodyWith(name, value), table), {
          code: 'unsupported_parameter',
          param: name,
        });
      }
    }
    t.end();
  });

  t.test(`${endpoint}: no parameter stands in the table twice`, (t) => {
    t.equal(new Set(table.map(({ name }) => name)).size, table.length);
    t.end();
  });
}

t.test('a refusal says what to send instead', (t) => {
  const message = (body: object) => {
    try {
      refuseUnsupported(body, UNSUPPORTED_CHAT);
    } catch (error) {
      return (error as Error).message;
    }
    return null;
  };
  t.equal(message({ best_of: 2 }), 'best_of is not supported yet; leave it out or send 1.');
  t.equal(message({ audio: {} }), 'audio is not supported yet; leave it out.');
  t.equal(
    message({ function_call: {} }),
    'function_call is not supported yet; leave it out or send "none" or "auto".',
  );
  t.end();
});

t.test('a field that only inherits a parameter’s name is none', (t) => {
  t.doesNotThrow(() => refuseUnsupported(Object.create({ n: 2 }) as object, UNSUPPORTED_CHAT));
  t.doesNotThrow(() => refuseUnsupported({ stream_options: 'x' }, UNSUPPORTED_CHAT));
  t.end();
});

/** `name (values)` of each parameter in the endpoint's row of the page. */
function documented(endpoint: string): string[] {
  const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8');
  const section = page.split('## Parameters that are refused')[1];
  const row = section.split('\n').find((line) => line.startsWith(`| ${endpoint} |`)) ?? '';
  return [...row.matchAll(/`([\w.]+)`(?: \((.*?)\))?(?=,| \|)/g)].map(
    ([, name, values = '']) => `${name} (${values === 'either' ? 'true, false' : values})`,
  );
}

t.test('docs/api.md lists each parameter with its neutral values, and no other', (t) => {
  const written = ({ name, neutral }: Table[number]) =>
    `${name} (${neutral.map((value) => JSON.stringify(value).replace('":', '": ')).join(', ')})`;
  for (const [endpoint, table] of Object.entries(TABLES)) {
    const listed = [...documented('both'), ...documented(endpoint)];
    t.strictSame(listed.sort(), table.map(written).sort());
  }
  t.end();
});
