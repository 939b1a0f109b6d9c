import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { measurePerplexity } from '#halflight/calibrate/perplexity.js';
import { cutText, windowSize } from '#halflight/calibrate/protocols.js';
import { modelRows } from '#halflight/calibrate/windows.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { loadTokenizer } from '#halflight/text/tokenizer.js';
import { fable } from '../support/models.js';

// The whole of both texts takes minutes on two cores: `halflight eval --text FILE` measures it. Here are their first windows.

const WINDOW = 512;

interface FirstWindows {
  readonly windows: number;
  readonly perplexity: number;
}

const { perplexity_first_windows: references } = JSON.parse(
  readFileSync(join(fable, 'reference.json'), 'utf8'),
) as { perplexity_first_windows: Readonly<Record<string, FirstWindows>> };

const tokenizer = loadTokenizer(fable);
const model = await createLogitsModel({ ...ENGINE_DEFAULTS, modelDir: fable }, () => undefined);
t.teardown(() => model.destroy());

const ASKED = { window: WINDOW, stride: null };

for (const name of ['valid_stories.txt', 'valid_chats.txt']) {
  t.test(`the perplexity of ${name} is what transformers measures`, async (t) => {
    const reference = references[name];
    const text = readFileSync(join(fable, name), 'utf8');
    const { windows } = cutText('windows', tokenizer, text, windowSize('windows', ASKED));
    const first = windows.slice(0, reference.windows);
    const { perplexity, numScored } = await measurePerplexity(modelRows(model), first);
    t.equal(numScored, reference.windows * (WINDOW - 1));
    // 0.1% is what the project promises; f32 against f32 leaves some 1e-7, and f16 on a GPU well under 1e-3.
    const error = Math.abs(perplexity / reference.perplexity - 1);
    t.ok(error < 1e-3, `${perplexity} against ${reference.perplexity}`);
  });
}

t.test('the perplexity of the first windows is what llama-perplexity measures', async (t) => {
  // llama-perplexity -c 512 on the same model as GGUF in F16, after its second window.
  const expected = 2.1642;
  const text = readFileSync(join(fable, 'valid_stories.txt'), 'utf8')
    .slice(0, 30_000)
    .replaceAll('<|endoftext|>', '\n\n');
  const { windows } = cutText('llamacpp-512', tokenizer, text, windowSize('llamacpp-512', ASKED));
  t.equal(windows.length, 13);
  const { perplexity, numScored } = await measurePerplexity(modelRows(model), windows.slice(0, 2));
  t.equal(numScored, 2 * 255);
  // Its weights are rounded to f16, and its figure to 4 decimals.
  t.ok(Math.abs(perplexity / expected - 1) < 1e-3, `${perplexity} against ${expected}`);
});
