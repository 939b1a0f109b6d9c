import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../support/paths.js';
import { outIn, quantize, SHORT } from '../support/quantize.js';

/** Runs the command where no file may grow beyond some blocks of 1024 bytes: the system refuses as a full disk does. */
function quantizeWithin(blocks: number, model: string, out: string, ...args: string[]) {
  // What the test runner loads into children ends them at the signal that comes with the refusal; Node alone ignores it.
  const line = `unset NODE_OPTIONS; ulimit -f ${blocks} && exec "$0" "$@"`;
  const command = [process.execPath, join(root, 'dist/cli.js'), 'quantize', model, out, ...args];
  return spawnSync('bash', ['-c', line, ...command], { encoding: 'utf8' });
}

t.test(
  'a disk that fills up ends it with what is wrong; with room again it goes on, to the same bytes',
  { skip: process.platform === 'win32' ? 'needs ulimit' : false },
  async (t) => {
    const fable = join(root, 'models/fable');
    const kinds = [
      ['model.gguf', '--scheme', 'q4_k_m'],
      // On the CPU: the software adapter's memory is a file to the system.
      ['model.safetensors', '--scheme', 'w8a8', '--method', 'gptq', '--device', 'cpu', ...SHORT],
    ];
    for (const [file, ...args] of kinds) {
      const [whole, out] = [await outIn(t), await outIn(t)];
      const { sha256, outputBytes } = await quantize(t, fable, whole, ...args);
      const partial = `${out}.partial`;
      const fails = (blocks: number, where: string) => {
        const { status, stderr, stdout } = quantizeWithin(blocks, fable, out, ...args);
        t.equal(status, 1, where);
        t.match(stderr, /OUT: .*\.partial \(the same command goes on where it is\): no space left/, where);
        t.notMatch(stdout, /SHA-256/, where);
        t.notOk(existsSync(out) || existsSync(join(partial, 'config.json')), `${where}: no model`);
      };
      fails(16, 'before any tensor');
      // As long as it gets, so that what it lacks is missed amid the tensors.
      await truncate(join(partial, file), outputBytes);
      fails(Math.floor((0.9 * outputBytes) / 1024), 'amid the tensors');
      const lines = readFileSync(join(partial, 'quantization-journal.jsonl'), 'utf8').split('\n');
      t.ok(lines.length > 3, `${lines.length} lines are kept`);
      t.equal((await quantize(t, fable, out, ...args)).sha256, sha256, args.join(' '));
      t.strictSame((await readdir(out)).sort(), (await readdir(whole)).sort());
      t.notOk(existsSync(partial));
    }
  },
);
