import fc from 'fast-check';
import t from 'tap';
import { CallParser } from '#halflight/text/output/call-parser.js';
import { CALL_FORMATS } from '#halflight/text/output/formats.js';
import { cuts, FUNCTIONS, garbage, JSON_FRAGMENTS, parse } from '../../support/output.js';

type Name = keyof typeof CALL_FORMATS;

const NAMES = Object.keys(CALL_FORMATS) as Name[];
const parser = (name: Name) => new CallParser(CALL_FORMATS[name], FUNCTIONS);

const ADD = { name: 'add', arguments: '{"a": 1}' };
const ADD_TEXT = '{"name": "add", "arguments": {"a": 1}}';
const XML = '<function=add>\n<parameter=a>\n1\n</parameter>\n</function>';

/** Answers as models write them, and what stays beside their calls. */
const ANSWERS: Readonly<
  Record<Name, readonly (readonly [text: string, numCalls: number, content: string])[]>
> = {
  hermes: [
    [`Let me see.\n<tool_call>\n${ADD_TEXT}\n</tool_call>`, 1, 'Let me see.\n'],
    [`<tool_call>${ADD_TEXT}</tool_call>\n<tool_call>${ADD_TEXT}</tool_call>`, 2, '\n'],
    [`<tool_call>\n${ADD_TEXT}\n`, 1, '\n'],
    [`<tool_call>${ADD_TEXT}<tool_call>${ADD_TEXT}`, 2, ''],
    [`<tool_call>[${ADD_TEXT}, ${ADD_TEXT}]</tool_call> done`, 2, ' done'],
  ],
  qwen3_coder: [
    [`I add.\n<tool_call>\n${XML}\n</tool_call>\n<tool_call>${XML}</tool_call>`, 2, 'I add.\n\n'],
  ],
  llama3_json: [
    ['{"name": "add", "parameters": {"a": 1}}', 1, ''],
    ['<|python_tag|>{"name": "add", "parameters": {"a": 1}}', 1, ''],
    [`${ADD_TEXT}; ${ADD_TEXT}`, 2, ''],
    [`<|python_tag|>${ADD_TEXT};${ADD_TEXT}\n${ADD_TEXT}`, 3, ''],
  ],
  mistral: [
    [`[TOOL_CALLS][${ADD_TEXT}, ${ADD_TEXT}]`, 2, ''],
    ['Well.[TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]add[CALL_ID]a1b2c3d4e[ARGS]{"a": 1}', 2, 'Well.'],
  ],
  granite: [[`<|tool_call|>[${ADD_TEXT}]`, 1, '']],
  phi4_mini_json: [[`functools[${ADD_TEXT}]`, 1, '']],
};

for (const name of NAMES) {
  t.test(`${name}: finds the calls, however the text is cut, and no marker shows`, async (t) => {
    for (const [text, numCalls, content] of ANSWERS[name]) {
      const expected = { content, numCalls };
      for (const pieces of cuts(text)) {
        const found = parse(parser(name), pieces);
        if (found.content !== content || found.calls.length !== numCalls) t.same(found, expected, text);
        const values = found.calls.map((call) => [call.name, JSON.parse(call.arguments)]);
        if (!values.every(([name, value]) => name === ADD.name && value.a === 1)) t.same(values, [ADD]);
      }
    }
  });

  t.test(`${name}: what is no call is content, to the last character`, async (t) => {
    const { open, close } = CALL_FORMATS[name];
    const broken = [
      `${open}`,
      `${open} and words`,
      `${open}{"name": "add", "arguments": {"a": `,
      `a ${open}{"name": "add"}}} b`,
      `${open}{'name': 'add'}`,
      `${open}{"name": 5, "arguments": {}}${close ?? ''}`,
      open.slice(0, -1),
      'plain',
      ' ',
      '',
    ];
    for (const text of broken) {
      for (const pieces of cuts(text)) {
        const found = parse(parser(name), pieces);
        if (found.content !== text && found.calls.length === 0) t.equal(found.content, text);
      }
    }
  });

  t.test(`${name}: every text gives the same, whole or cut, and loses nothing but calls`, async (t) => {
    const { open, close, separator } = CALL_FORMATS[name];
    const markers = [
      open,
      close ?? '',
      separator ?? '',
      open.slice(0, 3),
      'add[ARGS]',
      XML,
      '<function=add>',
    ];
    fc.assert(
      fc.property(garbage([...markers, ...JSON_FRAGMENTS]), fc.nat(), fc.nat(), (text, a, b) => {
        const whole = parse(parser(name), [text]);
        const [first = 0, second = 0] = [a % (text.length + 1), b % (text.length + 1)].sort((x, y) => x - y);
        const cut = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        for (const pieces of [cut, [...text]]) {
          const found = parse(parser(name), pieces);
          if (JSON.stringify(found) !== JSON.stringify(whole)) throw new Error(JSON.stringify(found));
        }
        for (const call of whole.calls) JSON.parse(call.arguments);
        return whole.calls.length > 0 || whole.content === text;
      }),
      { seed: 3, numRuns: 1000 },
    );
    t.pass('no counterexample');
  });
}

t.test('any arguments come back as they were', async (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const args = JSON.stringify(value);
      const text = `<tool_call>{"name": "f", "arguments": ${args}}</tool_call>`;
      const { calls } = parse(parser('hermes'), [...text]);
      return calls.length === 1 && calls[0]?.arguments === args;
    }),
    { seed: 4, numRuns: 300 },
  );
  t.pass('no counterexample');
});

t.test('a broken call does not hide the one behind it', async (t) => {
  const text = `<tool_call>{"name": <tool_call>${ADD_TEXT}</tool_call>`;
  t.same(parse(parser('hermes'), [text]), { content: '<tool_call>{"name": ', reasoning: '', calls: [ADD] });
});

t.test('JSON that is the answer itself is content', async (t) => {
  const text = '{"name": "Bob", "parameters": {}, "age": 3}';
  t.equal(parse(parser('llama3_json'), [text]).content, text);
  const early = parser('llama3_json');
  t.equal(early.push('{"age": ').length > 0, true, 'and comes at once where its first key tells');
});

t.test('a long call takes time in proportion to its length', async (t) => {
  const value = 'x'.repeat(400_000);
  const text = `<tool_call>{"name": "add", "arguments": {"a": "${value}"}}</tool_call>`;
  const started = performance.now();
  const pieces = text.match(/.{1,8}/gs) ?? [];
  t.equal(parse(parser('hermes'), pieces).calls.length, 1);
  // 50,000 pieces; a parser that read all again with each would take minutes.
  t.ok(performance.now() - started < 20_000);
});
