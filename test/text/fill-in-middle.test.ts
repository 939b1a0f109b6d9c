import t from 'tap';
import { encodePrompts } from '#halflight/server/prompts.js';
import { gapMarkers } from '#halflight/text/fill-in-middle.js';
import { Tokenizer } from '#halflight/text/tokenizer.js';
import { tokenizer } from '../support/server.js';

const MARKERS = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'];

/** Letters, and the markers behind them; not special, as in Qwen's tokenizers. */
function withMarkers(markers: readonly string[]): Tokenizer {
  const letters = [...'abcdefghij'];
  const added = markers.map((content, i) => ({ id: letters.length + i, content, special: false }));
  const vocab = Object.fromEntries([...letters, ...markers].map((token, i) => [token, i]));
  const model = { type: 'BPE', vocab, merges: [] };
  const parts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  return new Tokenizer({ added_tokens: added, model, ...parts }, {});
}

t.test('markers count only where all three are tokens', (t) => {
  t.equal(gapMarkers(tokenizer), null);
  t.equal(gapMarkers(withMarkers(MARKERS.slice(0, 2))), null);
  t.equal(gapMarkers(withMarkers(MARKERS))?.suffix, MARKERS[1]);
  t.end();
});

t.test('a prompt with a suffix is prefix, suffix and the place of the answer', (t) => {
  const filling = withMarkers(MARKERS);
  const around = { addSpecialTokens: true, suffix: 'cd' };
  t.same(encodePrompts('ab', filling, around)[0].tokenIds, [10, 0, 1, 11, 2, 3, 12]);
  t.same(encodePrompts([0, 1], filling, around)[0].tokenIds, [10, 0, 1, 11, 2, 3, 12]);
  t.same(encodePrompts('ab', filling, { ...around, suffix: '' })[0].tokenIds, [10, 0, 1, 11, 12]);
  t.end();
});
