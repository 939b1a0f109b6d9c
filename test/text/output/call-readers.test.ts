import t from 'tap';
import { type CallSyntax, createReader } from '#halflight/text/output/call-readers.js';
import { FUNCTIONS } from '../../support/output.js';

const read = (syntax: CallSyntax, text: string, isBare = false) =>
  createReader(syntax, { functions: FUNCTIONS, isBare }).read(text, true);

const SUM = [{ name: 'add', arguments: '{"a": 1}' }];

t.test('a reader tells the length of what it read', async (t) => {
  const json = ' {"name": "add", "arguments": {"a": 1}}';
  t.same(read('json', `${json} rest`), { calls: SUM, length: json.length });
});

t.test('the name may stand before the arguments', async (t) => {
  for (const head of ['add', ' add ', 'add[ARGS]', 'add[CALL_ID]abc123XYZ[ARGS]']) {
    t.same(read('named-json', `${head}{"a": 1}`), { calls: SUM, length: head.length + 8 }, head);
  }
  t.match(read('named-json', '[{"name": "add", "arguments": {"a": 1}}]'), { calls: SUM });
  for (const bad of ['{', 'add', 'add[ARGS]', 'a b{}', `${'x'.repeat(300)}{}`, 'add[ARGS]{"a"}']) {
    t.equal(read('named-json', bad), 'broken', bad);
  }
});

t.test('what no marker announced is a call only to a function that was offered', async (t) => {
  t.match(read('json', '{"name": "add", "parameters": {"a": 1}}', true), { calls: SUM });
  t.equal(read('json', '{"name": "Bob", "parameters": {}}', true), 'broken');
  t.match(read('json', '{"name": "Bob", "parameters": {}}'), { calls: [{ name: 'Bob' }] });
  const reader = createReader('json', { functions: FUNCTIONS, isBare: true });
  t.equal(reader.read('{"na', false), 'more');
  t.equal(reader.read('tion": ', false), 'broken', 'known before it ends');
});

t.test('arguments in XML are typed by the schema', async (t) => {
  const text = `
<function=get_weather>
<parameter=city>
12
</parameter>
<parameter=days>
3
</parameter>
<parameter=tags>
["a", "b"]
</parameter>
<parameter=other>
two
lines
</parameter>
</function>`;
  const args = { city: '12', days: 3, tags: ['a', 'b'], other: 'two\nlines' };
  t.same(read('xml', `${text}\n`), {
    calls: [{ name: 'get_weather', arguments: JSON.stringify(args) }],
    length: text.length,
  });
  t.match(read('xml', '<function=f></function>'), { calls: [{ name: 'f', arguments: '{}' }] });
});

t.test('XML of another shape is broken', async (t) => {
  for (const bad of ['{}', '<function=f>', '<function=f>text</function>', '<function=a b></function>']) {
    t.equal(read('xml', bad), 'broken', bad);
  }
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  const result = read('xml', `<function=f><parameter=x>${deep}</parameter></function>`);
  t.match(result, { calls: [{ arguments: JSON.stringify({ x: deep }) }] }, 'too deep is text');
});
