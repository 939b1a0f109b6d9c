import fc from 'fast-check';
import t from 'tap';
import { CallParser } from '#halflight/text/output/call-parser.js';
import { CALL_FORMATS } from '#halflight/text/output/formats.js';
import { PlainParser, ReasoningParser } from '#halflight/text/output/reasoning.js';
import { cuts, FUNCTIONS, garbage, parse } from '../../support/output.js';

const markers = { open: '<think>', close: '</think>' };
const parser = (startsInside: boolean) => new ReasoningParser(markers, startsInside, new PlainParser());

const CASES = [
  { text: '<think>\nHm.\n</think>\n\nYes.', inside: false, reasoning: 'Hm.', content: 'Yes.' },
  { text: 'Hm.\n</think>\n\nYes.', inside: true, reasoning: 'Hm.', content: 'Yes.' },
  { text: '<think>Hm.</think>Yes.', inside: true, reasoning: 'Hm.', content: 'Yes.' },
  { text: '<think>\n\n</think>\n\nYes.', inside: false, reasoning: '', content: 'Yes.' },
  { text: '\nYes <think> not', inside: false, reasoning: '', content: '\nYes <think> not' },
  { text: '<think>a\n\nb < c', inside: false, reasoning: 'a\n\nb < c', content: '' },
  { text: '<thin', inside: false, reasoning: '', content: '<thin' },
  { text: 'cut off </thi', inside: true, reasoning: 'cut off </thi', content: '' },
  { text: '', inside: true, reasoning: '', content: '' },
];

for (const { text, inside, reasoning, content } of CASES) {
  t.test(`${JSON.stringify(text)} that starts ${inside ? 'in' : 'out'}side, however it is cut`, async (t) => {
    for (const pieces of cuts(text)) {
      t.same(parse(parser(inside), pieces), { reasoning, content, calls: [] });
    }
  });
}

t.test('any text gives the same, whole or cut', async (t) => {
  const fragments = ['<think>', '</think>', '<think', '</', '>', ' ', '\n', 'words', '🙂'];
  fc.assert(
    fc.property(garbage(fragments), fc.boolean(), (text, inside) => {
      const whole = JSON.stringify(parse(parser(inside), [text]));
      return cuts(text, 30).every((pieces) => JSON.stringify(parse(parser(inside), pieces)) === whole);
    }),
    { seed: 5, numRuns: 200 },
  );
  t.pass('no counterexample');
});

t.test('calls are looked for behind the reasoning alone', async (t) => {
  const call = '<tool_call>{"name": "add", "arguments": {}}</tool_call>';
  const inner = new CallParser(CALL_FORMATS.hermes, FUNCTIONS);
  const found = parse(new ReasoningParser(markers, false, inner), [`<think>${call}</think>\n${call}`]);
  t.same(found, { reasoning: call, content: '', calls: [{ name: 'add', arguments: '{}' }] });
});
