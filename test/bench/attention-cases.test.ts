import t from 'tap';
import { attentionCases } from '#halflight/bench/attention-cases.js';
import { runCases } from '../support/bench.js';
import { cpuContext } from '../support/bench-context.js';

t.test('decoding sequences read their whole context, a prompt the K and V of its tokens once', async (t) => {
  const [, decode, , prefill] = runCases(attentionCases(await cpuContext(), 'f32', [2, 70]));
  const tokenBytes = 2 * 2 * 16 * 4;
  const [q, out] = [4 * 64, 4 * 64];
  t.strictSame(decode, [
    'attention decode at 512',
    2,
    2 * (q + out) + 2 * 512 * tokenBytes,
    2 * 2 * 512 * 4 * 16,
  ]);
  const numSeen = (70 * 71) / 2;
  t.strictSame(prefill, ['attention prefill', 70, 70 * (q + out + tokenBytes), 2 * numSeen * 4 * 16]);
});

t.test('an INT8 cache moves a byte for each value and a scale for each head', async (t) => {
  const [rope] = runCases(attentionCases(await cpuContext(), 'int8', [1]));
  t.strictSame(rope, ['rope_cache', 1, 4 * 128 + 4 * 64 + 4 * 16 + 2 * 2 * (16 + 4), null]);
});

t.test('the norm of heads is there where the model has one', async (t) => {
  const context = await cpuContext();
  const cases = attentionCases({ ...context, config: { ...context.config, qkNorm: 'head' } }, 'f32', [1]);
  t.equal(runCases(cases).length, 2);
});
