import { join } from 'node:path';
import t, { type Test } from 'tap';
import { choosePooling, readPooling } from '#halflight/model/pooling.js';
import { type GgufValue, ggufBytes, string, u32 } from '../support/gguf.js';

const folder = (t: Test, config: unknown) =>
  t.testdir({ '1_Pooling': { 'config.json': JSON.stringify(config) } });

t.test('a folder says how its hidden states are pooled, or nothing', async (t) => {
  const modes = { word_embedding_dimension: 64, pooling_mode_cls_token: false, include_prompt: true };
  t.equal(await readPooling(folder(t, { ...modes, pooling_mode_lasttoken: true })), 'last');
  t.equal(await readPooling(folder(t, { ...modes, pooling_mode_mean_tokens: true })), 'mean');
  t.equal(await readPooling(t.testdir()), null);
});

t.test('a GGUF file says it by a number', async (t) => {
  const written = (type: number | null) => {
    const more: Record<string, GgufValue> = type === null ? {} : { 'qwen3.pooling_type': u32(type) };
    const bytes = ggufBytes({ 'general.architecture': string('qwen3'), ...more });
    return join(t.testdir({ 'm.gguf': Buffer.from(bytes) }), 'm.gguf');
  };
  t.equal(await readPooling(written(null)), null);
  t.equal(await readPooling(written(0)), null);
  t.equal(await readPooling(written(1)), 'mean');
  t.equal(await readPooling(written(3)), 'last');
  for (const type of [2, 4]) {
    await t.rejects(readPooling(written(type)), { name: 'CheckpointError', field: 'qwen3.pooling_type' });
  }
});

t.test('other ways, and several at once, are refused by their key', async (t) => {
  for (const [config, key] of [
    [{ pooling_mode_cls_token: true }, 'pooling_mode_cls_token'],
    [{ pooling_mode_mean_tokens: true, pooling_mode_max_tokens: true }, 'pooling_mode_mean_tokens'],
    [{}, 'pooling_mode_mean_tokens'],
    [[], 'pooling_mode_mean_tokens'],
    [null, 'pooling_mode_mean_tokens'],
  ] as const) {
    await t.rejects(
      readPooling(folder(t, config)),
      { name: 'CheckpointError', field: key },
      JSON.stringify(config),
    );
  }
});

t.test('what the user says goes before it; the mean is the default', async (t) => {
  const last = folder(t, { pooling_mode_lasttoken: true });
  t.equal(await choosePooling(last, 'auto'), 'last');
  t.equal(await choosePooling(last, 'mean'), 'mean');
  t.equal(await choosePooling(folder(t, { pooling_mode_cls_token: true }), 'last'), 'last');
  t.equal(await choosePooling(t.testdir(), 'auto'), 'mean');
});
