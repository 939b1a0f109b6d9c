import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { loadLines } from '#halflight/commands/bench-load.js';
import { temporaryFolder } from '../support/models.js';
import { root } from '../support/paths.js';

t.setTimeout(120_000);

const run = promisify(execFile);

/** Tensors of some MiB that are on their way, the device's own bookkeeping, garbage that is not collected yet. */
const MAX_BESIDE_BYTES = 256 * 2 ** 20;

t.test('a checkpoint of 0.74 GB takes no more host memory than its largest tensor and 256 MiB', async (t) => {
  const dir = await temporaryFolder(t);
  await run(process.execPath, [join(root, 'scripts/synthetic-checkpoint.mjs'), dir, '0.74', 'sparse']);
  const args = [join(root, 'dist/cli.js'), 'bench', 'load', dir, '--json'];
  const { stdout } = await run(process.execPath, args);
  const { checkpointBytes, largestTensorBytes, hostBytes } = JSON.parse(stdout) as Record<string, number>;
  t.ok(checkpointBytes > 0.7e9);
  // Else the bound would bind nothing.
  t.ok(checkpointBytes > largestTensorBytes + MAX_BESIDE_BYTES);
  t.ok(hostBytes <= largestTensorBytes + MAX_BESIDE_BYTES, `${hostBytes} bytes`);
  // Rows are read, not tensors: so much is not even needed.
  t.ok(hostBytes <= MAX_BESIDE_BYTES, `${hostBytes} bytes`);
});

t.test('figures are told in three lines', (t) => {
  const figures = {
    checkpointBytes: 1e9,
    largestTensorBytes: 131e6,
    deviceBytes: 0.3e9,
    seconds: 2,
    cpuSeconds: 1.5,
    bytesPerSecond: 0.5e9,
    hostBytes: 1e8,
  };
  t.strictSame(loadLines(figures), [
    '  1.00 GB in 2.00 s: 500.0 MB/s; 1.50 s of CPU time',
    '  on the device 300.0 MB',
    '  host memory beside it, at most 100.0 MB; the largest tensor has 131.0 MB',
  ]);
  t.end();
});
