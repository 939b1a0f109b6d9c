import t from 'tap';
import { pageModule } from './modules.js';

interface Answer {
  readonly text: string;
  readonly reasoning: string;
  ending: string | null;
  add(chunk: object, nowMs: number): void;
  summary(): string;
}

const { Answer } = await pageModule<{ Answer: new (startMs: number) => Answer }>('answer.js');
const chat = (delta: object, finish_reason: string | null = null) => ({
  choices: [{ delta, finish_reason }],
});

t.test('times are from the request on, and the rate is of the tokens after the first', (t) => {
  const answer = new Answer(1000);
  answer.add(chat({ role: 'assistant', content: '' }), 1100);
  answer.add(chat({ content: 'a' }), 1250);
  answer.add(chat({ content: 'b' }, 'length'), 1750);
  answer.add({ choices: [], usage: { completion_tokens: 11 } }, 1800);
  t.equal(answer.text, 'ab');
  t.equal(
    answer.summary(),
    'first token after 250 ms · 11 tokens · 20.0 tokens/s · cut off at the limit of tokens',
  );
  t.end();
});

t.test('an answer that was stopped counts its chunks', (t) => {
  const answer = new Answer(0);
  answer.add({ choices: [{ text: 'a', finish_reason: null }] }, 2000);
  answer.ending = 'aborted';
  t.equal(answer.summary(), 'first token after 2.0 s · 1 token · stopped');
  t.end();
});

t.test('reasoning is kept apart', (t) => {
  const answer = new Answer(0);
  answer.add(chat({ reasoning_content: 'Hm.' }), 1);
  answer.add(chat({ content: 'Yes.' }, 'stop'), 2);
  t.strictSame([answer.reasoning, answer.text], ['Hm.', 'Yes.']);
  t.end();
});

t.test('an answer may have no text', (t) => {
  const answer = new Answer(0);
  answer.add(chat({}, 'stop'), 5);
  t.equal(answer.summary(), 'no text');
  t.end();
});
