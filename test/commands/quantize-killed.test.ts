import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { root } from '../support/paths.js';
import { outIn, quantize, SHORT } from '../support/quantize.js';

const KILLED = [
  ['a folder of safetensors'],
  ['a GGUF file', '--scheme', 'q4_k_m'],
  ['a target in bits', '--target-bits', '4.5', ...SHORT],
  ['a target in bytes', '--target-size', '3MB', ...SHORT],
] as const;

for (const [kind, ...args] of KILLED) {
  t.test(
    `a process that was killed goes on when it is started again, to the same bytes: ${kind}`,
    async (t) => {
      const out = await outIn(t);
      const fable = join(root, 'models/fable');
      const child = spawn(process.execPath, [join(root, 'dist/cli.js'), 'quantize', fable, out, ...args]);
      const ended = new Promise((resolve) => child.on('exit', resolve));
      const journal = join(`${out}.partial`, 'quantization-journal.jsonl');
      const lines = () => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length : 0);
      while (lines() < 20 && child.exitCode === null) await sleep(2);
      child.kill('SIGKILL');
      await ended;
      t.notOk(existsSync(out), 'nothing has the name of a whole model');
      t.ok(lines() >= 20, `${lines()} lines`);
      const { sha256 } = await quantize(t, fable, out, ...args);
      t.notOk(existsSync(`${out}.partial`));
      t.equal((await quantize(t, fable, await outIn(t), ...args)).sha256, sha256);
    },
  );
}
