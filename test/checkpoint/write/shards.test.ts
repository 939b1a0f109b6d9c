import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { planShards, ShardWriter } from '#halflight/checkpoint/write/shards.js';
import { temporaryFolder } from '../../support/models.js';

const TENSORS = ['a', 'b', 'c'].map((name) => ({ name, dtype: 'F32' as const, shape: [4] }));
const FILLED = TENSORS.map((spec, i) => ({ ...spec, data: new Float32Array(4).fill(i + 1) }));

t.test('one file where all fits', (t) => {
  const plan = planShards(TENSORS, 48);
  t.strictSame(
    plan.files.map(({ name }) => name),
    ['model.safetensors'],
  );
  t.equal(plan.index, null);
  t.end();
});

t.test('shards with an index, read as one', async (t) => {
  const dir = await temporaryFolder(t);
  const plan = planShards(TENSORS, 32);
  t.strictSame(
    plan.files.map(({ name }) => name),
    ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'],
  );
  const writer = await ShardWriter.open(dir, plan);
  await writer.write(FILLED);
  await writer.close();
  t.match(JSON.parse(plan.index ?? ''), { metadata: { total_size: 48 } });
  const checkpoint = await openCheckpoint(dir);
  t.strictSame(await checkpoint.readF32('c'), new Float32Array(4).fill(3));
  t.strictSame(checkpoint.metadata, new Map([['format', 'pt']]));
  await checkpoint.close();
  const sizes = await Promise.all(plan.files.map(async ({ name }) => (await stat(join(dir, name))).size));
  t.equal(
    plan.totalBytes,
    sizes.reduce((sum, bytes) => sum + bytes, 0),
  );
});

t.test('a tensor that is larger than a shard has one of its own', (t) => {
  t.equal(planShards(TENSORS, 1).files.length, 3);
  t.end();
});

t.test('what an earlier run wrote stays', async (t) => {
  const dir = await temporaryFolder(t);
  const plan = planShards(TENSORS, 1000);
  const [a, b, c] = FILLED;
  const first = await ShardWriter.open(dir, plan);
  await first.write([a, b]);
  await first.close();
  const second = await ShardWriter.open(dir, plan);
  await second.write([c]);
  await second.close();
  const whole = await temporaryFolder(t);
  const atOnce = await ShardWriter.open(whole, plan);
  await atOnce.write([c, b, a]);
  await atOnce.close();
  t.strictSame(
    await readFile(join(dir, 'model.safetensors')),
    await readFile(join(whole, 'model.safetensors')),
  );
});

t.test('tensors that are not planned, or of other sizes, are refused', async (t) => {
  const writer = await ShardWriter.open(await temporaryFolder(t), planShards(TENSORS, 1000));
  const [a] = FILLED;
  await t.rejects(writer.write([{ ...a, name: 'd' }]), RangeError);
  await t.rejects(writer.write([{ ...a, data: new Float32Array(3) }]), { name: 'CheckpointError' });
  await writer.close();
});

t.test('a folder that cannot be written is an error', async (t) => {
  const file = join(await temporaryFolder(t), 'file');
  await (await open(file, 'w')).close();
  await t.rejects(ShardWriter.open(file, planShards(TENSORS, 1000)), { code: 'ENOTDIR' });
});
