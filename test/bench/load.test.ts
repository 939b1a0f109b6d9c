import t from 'tap';
import { measureLoad } from '#halflight/bench/load.js';
import { cpuBackend } from '#halflight/engine/backend.js';
import { openModelDirectory } from '#halflight/engine/device-model.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import { tinyDir } from '../support/tiny.js';

t.test('a load is measured in bytes, time and memory', async (t) => {
  const source = await openModelDirectory({ modelDir: tinyDir('llama') });
  const read: number[] = [];
  const settings = { quantization: parseQuantization('int8'), onBytes: (bytes: number) => read.push(bytes) };
  const figures = await measureLoad(cpuBackend(), source, settings);
  await source.checkpoint.close();
  t.equal(figures.checkpointBytes, read.at(-1));
  t.equal(figures.largestTensorBytes, 2048 * 64 * 2);
  t.ok(figures.seconds > 0 && figures.cpuSeconds > 0);
  t.equal(figures.bytesPerSecond, figures.checkpointBytes / figures.seconds);
  // The reference holds every weight as f64.
  t.ok(figures.deviceBytes > 4 * figures.checkpointBytes - 2 ** 16, `${figures.deviceBytes}`);
  t.ok(figures.hostBytes >= 0);
});
