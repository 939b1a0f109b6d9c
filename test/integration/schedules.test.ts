import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '#halflight/engine/options.js';
import { GREEDY } from '#halflight/engine/request.js';
import { createRunner } from '#halflight/engine/runner.js';
import type { Engine } from '#halflight/engine/types.js';
import { loadTokenizer } from '#halflight/text/tokenizer.js';
import { fable } from '../support/models.js';

/** HALFLIGHT_TEST_PROMPTS=200 is the long run. */
const NUM_PROMPTS = Number(process.env.HALFLIGHT_TEST_PROMPTS ?? 30);
const MAX_TOKENS = 12;

t.setTimeout(1_800_000);

/** Starts of held-out stories, of 5 to 60 tokens; every third begins as another does, so that prefixes are shared. */
function prompts(): number[][] {
  const tokenizer = loadTokenizer(fable);
  const stories = readFileSync(join(fable, 'valid_stories.txt'), 'utf8').split('<|endoftext|>').slice(1);
  return Array.from({ length: NUM_PROMPTS }, (_, i) => {
    const story = stories[i % 3 === 2 ? i - 1 : i];
    const ids = tokenizer.encode(story, { addSpecialTokens: false, parseSpecialTokens: false });
    return ids.slice(0, 5 + ((i * 23) % 56));
  });
}

async function generate(engine: Engine, promptTokenIds: readonly number[], id: string): Promise<number[]> {
  const sampling = { ...GREEDY, maxTokens: MAX_TOKENS };
  const ids: number[] = [];
  for await (const { tokenId } of engine.generate({ id, promptTokenIds, sampling })) ids.push(tokenId);
  return ids;
}

async function oneByOne(engine: Engine, all: readonly number[][]): Promise<number[][]> {
  const texts: number[][] = [];
  for (const [i, prompt] of all.entries()) texts.push(await generate(engine, prompt, `r${i}`));
  return texts;
}

async function withEngine<T>(
  options: Partial<EngineOptions>,
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const all = { ...ENGINE_DEFAULTS, modelDir: fable, maxModelLen: 128, ...options };
  const engine = createLocalEngine(await createRunner(all, () => undefined), all);
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

function together(engine: Engine, all: readonly number[][]): Promise<number[][]> {
  return Promise.all(all.map((prompt, i) => generate(engine, prompt, `r${i}`)));
}

t.test(
  'greedy texts are the same alone, batched, chunked, preempted, from cached prefixes and speculative',
  async (t) => {
    const all = prompts();
    const alone = await withEngine({ prefixCaching: false }, (engine) => oneByOne(engine, all));
    await withEngine({ prefixCaching: false, maxNumBatchedTokens: 24 }, async (engine) => {
      t.strictSame(
        await together(engine, all),
        alone,
        'batched, and prefilled in chunks of at most 24 tokens',
      );
    });
    // 4 kB per token in f32: 20 blocks of 16 tokens.
    await withEngine({ kvCacheMemoryBytes: 20 * 16 * 4096 }, async (engine) => {
      t.strictSame(await together(engine, all), alone, 'in a small pool, with shared prefixes');
      t.ok(engine.stats().numPreemptions > 0, 'sequences were preempted');
      t.ok(engine.stats().prefixCacheHits > 0, 'prefixes were shared');
    });
    await withEngine({ numSpeculativeTokens: 3, batchInvariant: true }, async (engine) => {
      t.strictSame(await together(engine, all), alone, 'with guesses of what follows');
      t.ok(engine.stats().numAcceptedTokens > 0, 'some guesses were right');
    });
  },
);

t.test('so they are with a KV cache of 4 bits: codes do not depend on when they are written', async (t) => {
  const all = prompts().slice(0, 15);
  const options = { kvCacheDtype: 'int4' } as const;
  const alone = await withEngine({ ...options, prefixCaching: false }, (engine) => oneByOne(engine, all));
  // 4 layers, 2 heads, K and V, each 9 words: 576 bytes per token.
  const small = { ...options, maxNumBatchedTokens: 24, kvCacheMemoryBytes: 9 * 16 * 576 };
  await withEngine(small, async (engine) => {
    t.strictSame(await together(engine, all), alone, 'in a small pool, with shared prefixes, in chunks');
    t.ok(engine.stats().numPreemptions > 0, 'sequences were preempted');
    t.ok(engine.stats().prefixCacheHits > 0, 'prefixes were shared');
  });
});
