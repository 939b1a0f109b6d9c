import fc from 'fast-check';
import t from 'tap';
import { HARMONY_MARKERS, HarmonyParser } from '#halflight/text/output/harmony.js';
import { cuts, garbage, JSON_FRAGMENTS, parse } from '../../support/output.js';

const ALL = { reasoning: true, calls: true };
const parser = (options = ALL) => new HarmonyParser(options);

const THOUGHT = '<|channel|>analysis<|message|>Need the sum.<|end|>';
const CALL = '<|start|>assistant<|channel|>commentary to=functions.add <|constrain|>json<|message|>{"a": 1}';
const ADD = { name: 'add', arguments: '{"a": 1}' };

const CASES = [
  {
    text: `${THOUGHT}<|start|>assistant<|channel|>final<|message|>It is 2.`,
    reasoning: 'Need the sum.',
    content: 'It is 2.',
  },
  { text: `${THOUGHT}${CALL}`, reasoning: 'Need the sum.', calls: [ADD] },
  { text: `${CALL}<|call|>${CALL}<|call|>`, calls: [ADD, ADD] },
  { text: '<|start|>assistant to=functions.add<|channel|>commentary json<|message|>{"a": 1}', calls: [ADD] },
  { text: `<|channel|>commentary<|message|>I will add.<|end|>${CALL}`, content: 'I will add.', calls: [ADD] },
  {
    text: '<|channel|>commentary to=functions.f<|message|><|call|>',
    calls: [{ name: 'f', arguments: '{}' }],
  },
  {
    text: '<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>analysis<|message|>b',
    reasoning: 'a\nb',
  },
  { text: 'no header at all', content: 'no header at all' },
  { text: '<|channel|>final', content: '<|channel|>final' },
  {
    text: '<|channel|>commentary to=functions.f<|message|>{"a": ',
    content: '<|channel|>commentary to=functions.f<|message|>{"a": ',
  },
  {
    text: '<|channel|>analysis to=python<|message|>1+1<|call|>',
    content: '<|channel|>analysis to=python<|message|>1+1',
  },
  {
    text: '<|channel|>commentary to=functions<|message|>{"name": "add", "arguments": {"a": 1}}',
    calls: [ADD],
  },
];

for (const { text, reasoning = '', content = '', calls = [] } of CASES) {
  t.test(`${text}, however it is cut`, async (t) => {
    for (const pieces of cuts(text, 0)) {
      const found = parse(parser(), pieces);
      t.same(found, { reasoning, content, calls });
    }
  });
}

t.test('without reasoning, or without calls, both are content', async (t) => {
  t.equal(parse(parser({ reasoning: false, calls: true }), [THOUGHT]).content, 'Need the sum.');
  const text = parse(parser({ reasoning: true, calls: false }), [CALL]);
  t.same(text.calls, []);
  t.match(text.content, /to=functions\.add .*\{"a": 1\}$/);
});

t.test('any text gives the same, whole or cut', async (t) => {
  const fragments = [
    ...HARMONY_MARKERS,
    '<|',
    'assistant',
    'analysis',
    ' to=functions.add',
    ...JSON_FRAGMENTS,
  ];
  fc.assert(
    fc.property(garbage(fragments), (text) => {
      const whole = JSON.stringify(parse(parser(), [text]));
      return cuts(text, 0).every((pieces) => JSON.stringify(parse(parser(), pieces)) === whole);
    }),
    { seed: 6, numRuns: 500 },
  );
  t.pass('no counterexample');
});
