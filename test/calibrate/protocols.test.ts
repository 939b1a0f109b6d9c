import t from 'tap';
import {
  checkLength,
  cutText,
  type ProtocolName,
  startToken,
  windowSize,
} from '#halflight/calibrate/protocols.js';
import { refuses } from '../support/commands.js';

/** One token a character, and 99 before a text if `hasStart`. Special tokens are written `<`, with id 50. */
function charTokenizer(hasStart: boolean) {
  return {
    encode: (
      text: string,
      { addSpecialTokens, parseSpecialTokens }: Record<'addSpecialTokens' | 'parseSpecialTokens', boolean>,
    ) => [
      ...(hasStart && addSpecialTokens ? [99] : []),
      ...[...text].map((char) => (char === '<' ? (parseSpecialTokens ? 50 : 51) : Number(char) || 0)),
    ],
  };
}

const ASKED = { window: null, stride: null };

function cut(name: ProtocolName, text: string, window: number, hasStart = false, stride = 1) {
  return cutText(name, charTokenizer(hasStart), text, { window, stride }).windows;
}

t.test('plain windows do not overlap, and a shorter last one is left out', (t) => {
  t.strictSame(cut('windows', '1<34567', 3, true), [
    { tokenIds: [1, 50, 3], firstScored: 1 },
    { tokenIds: [4, 5, 6], firstScored: 1 },
  ]);
  t.strictSame(cut('windows', '12', 3), []);
  t.end();
});

t.test('gptq-2048 has one start token, before the text', (t) => {
  t.strictSame(cut('gptq-2048', '1<345', 3, true), [
    { tokenIds: [99, 1, 50], firstScored: 1 },
    { tokenIds: [3, 4, 5], firstScored: 1 },
  ]);
  t.strictSame(cut('gptq-2048', '123', 3)[0].tokenIds, [1, 2, 3]);
  t.end();
});

t.test(
  'llamacpp-512 scores the second half but its first token, and puts the start token in each window’s place of its first',
  (t) => {
    t.strictSame(cut('llamacpp-512', '1<345678', 4, true), [
      { tokenIds: [99, 1, 51, 3], firstScored: 3 },
      { tokenIds: [99, 5, 6, 7], firstScored: 3 },
    ]);
    const { window, stride } = windowSize('llamacpp-512', ASKED);
    const [only] = cutText('llamacpp-512', charTokenizer(false), '1'.repeat(600), { window, stride }).windows;
    t.equal(only.tokenIds.length - only.firstScored, 255);
    t.end();
  },
);

t.test('sliding scores every token but the first once, each window full', (t) => {
  t.strictSame(cut('sliding', '12345678', 4, false, 3), [
    { tokenIds: [1, 2, 3, 4], firstScored: 1 },
    { tokenIds: [4, 5, 6, 7], firstScored: 1 },
    { tokenIds: [5, 6, 7, 8], firstScored: 3 },
  ]);
  t.strictSame(cut('sliding', '12', 4, false, 2), [{ tokenIds: [1, 2], firstScored: 1 }]);
  t.strictSame(cut('sliding', '1', 4), []);
  const windows = cut('sliding', '1'.repeat(100), 16, true, 5);
  t.equal(
    windows.reduce((sum, { tokenIds, firstScored }) => sum + tokenIds.length - firstScored, 0),
    100,
  );
  t.ok(windows.every(({ tokenIds }) => tokenIds.length === 16));
  t.end();
});

t.test('a tokenizer that puts nothing before a text has no start token', (t) => {
  t.equal(startToken(charTokenizer(true)), 99);
  t.equal(startToken(charTokenizer(false)), null);
  t.end();
});

t.test('windows of 512 and a stride of half of it unless told otherwise', (t) => {
  t.strictSame(windowSize('windows', ASKED), { window: 512, stride: 256 });
  t.strictSame(windowSize('gptq-2048', ASKED), { window: 2048, stride: 1024 });
  t.strictSame(windowSize('sliding', { window: 5, stride: null }), { window: 5, stride: 3 });
  t.strictSame(windowSize('llamacpp-512', { window: 512, stride: null }).window, 512);
  t.end();
});

t.test('what does not suit a protocol is refused with what to do', async (t) => {
  const size = (name: ProtocolName, window: number | null, stride: number | null) => () =>
    windowSize(name, { window, stride });
  await refuses(t, size('gptq-2048', 512, null), /^--window: gptq-2048 has windows of 2048; leave it out$/);
  await refuses(t, size('windows', null, 8), /^--stride: is for --protocol sliding, not windows$/);
  await refuses(t, size('sliding', 8, 8), /^--stride: 8 leaves no context in windows of 8; give less/);
});

t.test('a model that is too short for a protocol is refused with another', async (t) => {
  checkLength('gptq-2048', windowSize('gptq-2048', ASKED), 2048);
  await refuses(
    t,
    () => checkLength('gptq-2048', windowSize('gptq-2048', ASKED), 1024),
    /^--protocol: gptq-2048 needs windows of 2048 tokens, but the model takes 1024; take --protocol windows --window 1024, and/,
  );
  await refuses(
    t,
    () => checkLength('sliding', { window: 600, stride: 1 }, 512),
    /^--window: 600 tokens, but the model takes 512$/,
  );
});
