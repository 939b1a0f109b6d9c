import t from 'tap';
import { kvBytesPerToken, planMemory } from '#halflight/engine/memory-plan.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { build, OLD_LLAMA } from '../model/config-support.js';

/** 3 layers, 4 key-value heads of 16 dimensions, 512 positions. */
const CONFIG = build(OLD_LLAMA);
const OPTIONS = { ...ENGINE_DEFAULTS, maxModelLen: null, maxNumSeqs: 4 };
const DEVICE = { ops: { computeType: 'f32' }, maxBindingBytes: 2 ** 27, memory: null } as const;
const MODEL = { weights: 5000, activations: 500 };
/** K and V of 3 layers, 4 heads, 16 dimensions, 4 bytes. */
const TOKEN_BYTES = 2 * 3 * 4 * 16 * 4;

t.test(
  'a token takes K and V in every layer: half in f16, a quarter and a scale per head in INT8, half of that in INT4',
  (t) => {
    t.equal(kvBytesPerToken(CONFIG, 'f32'), TOKEN_BYTES);
    t.equal(kvBytesPerToken(CONFIG, 'f16'), TOKEN_BYTES / 2);
    t.equal(kvBytesPerToken(CONFIG, 'int8'), 2 * 3 * 4 * (16 + 4));
    t.equal(kvBytesPerToken(CONFIG, 'int4'), 2 * 3 * 4 * (16 / 2 + 4));
    t.end();
  },
);

t.test('with memory to spare all sequences fit at full length, and no more is taken', (t) => {
  t.strictSame(planMemory(CONFIG, OPTIONS, DEVICE, MODEL), {
    maxModelLen: 512,
    blockSize: 16,
    numBlocks: 4 * 32,
    maxBlocksPerSequence: 32,
    kvType: 'f32',
  });
  t.end();
});

t.test('a budget buys whole blocks, and bounds the length where none is asked for', (t) => {
  const kvCacheMemoryBytes = TOKEN_BYTES * (3 * 16 + 15);
  const plan = planMemory(CONFIG, { ...OPTIONS, kvCacheMemoryBytes }, DEVICE, MODEL);
  t.match(plan, { numBlocks: 3, maxModelLen: 48, maxBlocksPerSequence: 3 });
  t.end();
});

t.test('the cache of one layer stays within what the device can bind', (t) => {
  // One layer's K takes 4 heads · 16 dimensions · 4 bytes a token.
  const plan = planMemory(CONFIG, OPTIONS, { ...DEVICE, maxBindingBytes: 256 * 16 * 5 }, MODEL);
  t.match(plan, { numBlocks: 5, maxModelLen: 80 });
  t.end();
});

t.test('a narrower type makes room for more tokens', (t) => {
  const kvCacheMemoryBytes = TOKEN_BYTES * 16 * 2;
  const blocks = (kvCacheDtype: 'auto' | 'f16' | 'int8' | 'int4') =>
    planMemory(CONFIG, { ...OPTIONS, kvCacheMemoryBytes, kvCacheDtype }, DEVICE, MODEL).numBlocks;
  t.strictSame([blocks('auto'), blocks('f16'), blocks('int8'), blocks('int4')], [2, 4, 6, 10]);
  t.end();
});

t.test('a length that is no multiple of a block takes one more', (t) => {
  const plan = planMemory(CONFIG, { ...OPTIONS, maxModelLen: 17 }, DEVICE, MODEL);
  t.match(plan, { maxModelLen: 17, maxBlocksPerSequence: 2, numBlocks: 8 });
  t.end();
});

t.test('limits that cannot be met are refused by the name of their option', (t) => {
  const refused = (options: Partial<typeof OPTIONS> | object, message: RegExp) =>
    t.throws(() => planMemory(CONFIG, { ...OPTIONS, ...options }, DEVICE, MODEL), {
      name: 'UserError',
      message,
    });
  refused({ kvCacheMemoryBytes: TOKEN_BYTES * 15 }, /^--kv-cache-memory: /);
  refused({ maxModelLen: 513 }, /^--max-model-len: 513 .* 512 positions/);
  refused({ maxModelLen: 49, kvCacheMemoryBytes: TOKEN_BYTES * 48 }, /^--max-model-len: 49 .* cache of 48/);
  t.end();
});
