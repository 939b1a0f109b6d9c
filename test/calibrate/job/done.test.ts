import t from 'tap';
import { readDone } from '#halflight/calibrate/job/done.js';
import type { MatrixTask } from '#halflight/calibrate/job/plan.js';
import { ShardWriter } from '#halflight/checkpoint/write/shards.js';
import { dequantize, formatName } from '#halflight/quant/formats.js';
import { coded } from '../../checkpoint/write/support.js';
import { temporaryFolder } from '../../support/models.js';
import { planTiny } from './support.js';

t.test(
  'a matrix is read from an unfinished folder as it was written, while others are missing',
  async (t) => {
    for (const [scheme, format] of [
      ['int4', 'compressed-tensors'],
      ['int4-g64', 'gptq'],
      ['int4-asym', 'awq'],
      ['nf4', 'bitsandbytes'],
    ]) {
      const { plan, file } = await planTiny(t, 'llama', scheme, { format, maxShardBytes: 20_000 });
      const task = plan.tasks.find((task): task is MatrixTask => task.kind === 'matrix');
      if (task === undefined) throw new Error('no matrix');
      const dir = await temporaryFolder(t);
      const writer = await ShardWriter.open(dir, plan.shards);
      const packed = coded(task.spec);
      await writer.write(file.pack(task.spec, packed, null));
      await writer.close();
      t.strictSame(
        await readDone(dir, plan, task),
        { packed, groupIndex: null },
        formatName(task.spec.format),
      );
    }
  },
);

t.test('columns in groups of their own are read as numbers', async (t) => {
  const { plan, file } = await planTiny(t, 'llama', 'int4', { actOrder: true });
  const task = plan.tasks.find((task): task is MatrixTask => task.kind === 'matrix');
  if (task === undefined) throw new Error('no matrix');
  const dir = await temporaryFolder(t);
  const writer = await ShardWriter.open(dir, plan.shards);
  const packed = coded(task.spec);
  const swapped = Uint32Array.from({ length: task.spec.cols }, (_, k) => (k < 32 ? 1 : 0));
  await writer.write(file.pack(task.spec, packed, swapped));
  await writer.close();
  const got = await readDone(dir, plan, task);
  t.equal(got.packed.format.reader, 'f32');
  t.notSame(dequantize(got.packed), dequantize(packed));
});
