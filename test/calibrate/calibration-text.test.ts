import t from 'tap';
import { cutSamples } from '#halflight/calibrate/calibration-text.js';
import { loadChatTemplate } from '#halflight/text/chat-template.js';
import { loadTokenizer } from '#halflight/text/tokenizer.js';
import { refuses } from '../support/commands.js';
import { fable } from '../support/models.js';

const tokenizer = loadTokenizer(fable);
const template = loadChatTemplate(fable);
const STORY = { name: 'story.txt', text: 'Once upon a time a sparrow wanted to whistle. '.repeat(20) };
const cut = (file: { name: string; text: string }, maxSamples = 4, length = 16) =>
  cutSamples([file], tokenizer, template, { maxSamples, length });

t.test('pieces of equal length, spread over the text', (t) => {
  const all = cut(STORY, 1000).samples;
  const few = cut(STORY);
  t.ok(all.every((sample) => sample.length === 16));
  t.equal(few.numTokens, 64);
  t.strictSame(few.samples[0], all[0]);
  t.ok(few.samples.every((sample) => all.some((other) => other.join() === sample.join())));
  t.end();
});

t.test('the hash is of the tokens, however they were named', (t) => {
  t.equal(cut(STORY).sha256, cut({ ...STORY, name: 'other.txt' }).sha256);
  t.not(cut(STORY).sha256, cut(STORY, 3).sha256);
  t.end();
});

t.test('a short text is one piece', (t) => {
  t.match(cut({ name: 'a.txt', text: 'Once upon a time' }), { numSamples: 1, files: ['a.txt'] });
  t.end();
});

t.test('conversations go through the chat template, and lines of text do not', (t) => {
  const messages = [{ role: 'user', content: 'Hello' }];
  const lines = [JSON.stringify({ messages }), '', JSON.stringify({ text: 'Once' })];
  const { samples } = cut({ name: 'a.jsonl', text: lines.join('\n') }, 1, 1000);
  const expected = template?.encode(messages, tokenizer) ?? [];
  const text = tokenizer.encode('Once', { addSpecialTokens: false, parseSpecialTokens: true });
  t.strictSame(samples, [[...expected, ...text]]);
  t.end();
});

t.test('empty files, and lines that are no text, are refused', async (t) => {
  await refuses(t, () => cut({ name: 'a.txt', text: '' }), /^--calibration: a.txt: is empty/);
  await refuses(t, () => cut({ name: 'a.jsonl', text: '\n' }), /is empty/);
  await refuses(
    t,
    () => cut({ name: 'a.jsonl', text: '{"text":"a"}\nb' }),
    /a.jsonl: line 2: is no JSON object/,
  );
  await refuses(t, () => cut({ name: 'a.jsonl', text: '{"messages":[{}]}' }), /line 1: holds neither/);
  const bare = () =>
    cutSamples([{ name: 'a.jsonl', text: '{"messages":[]}' }], tokenizer, null, { maxSamples: 1, length: 1 });
  await refuses(t, bare, /no chat template/);
});
