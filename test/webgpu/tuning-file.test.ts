import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { SHADER_DIR } from '#halflight/webgpu/shaders.js';
import { batchInvariant } from '#halflight/webgpu/tuning.js';
import { readChoices, tuningFileName, writeChoices } from '#halflight/webgpu/tuning-file.js';
import { GPU_TUNING as TUNING } from '../support/tuning.js';

const ADAPTER = { name: 'GPU', driver: '1.0' };

t.test('choices are read back as they were written, and the folder is made', async (t) => {
  const path = join(t.testdir(), 'a', 'b', 'tuning.json');
  const choices = new Map([
    ['x', [{ kernel: 'linear_row' as const, lanes: 64, tokens: 1 }, null, null, null]],
    ['y', [null, null, null, { kernel: 'linear_tile' as const, lanes: 64, tokens: 8 }]],
  ]);
  await writeChoices(path, choices);
  t.same(await readChoices(path, TUNING), choices);
  t.same(readdirSync(join(path, '..')), ['tuning.json'], 'nothing else is left there');
});

t.test('a file that is not there holds nothing', async (t) => {
  t.equal((await readChoices(join(t.testdir(), 'none.json'), TUNING)).size, 0);
});

t.test('a file that holds anything else is refused', async (t) => {
  const path = join(t.testdir(), 'tuning.json');
  for (const [text, problem] of [
    ['', /JSON/],
    ['{"products": {"x": [null', /JSON/],
    ['[]', /holds no products/],
    ['{"products": {"x": [null]}}', /x: is no list of choices/],
    ['{"products": {"x": [null, null, null, 3]}}', /x: 3 is no candidate/],
    ['{"products": {"x": [["linear_tile", 1000, 1], null, null, null]}}', /is no candidate/],
  ] as const) {
    writeFileSync(path, text);
    await t.rejects(readChoices(path, TUNING), { message: problem }, text);
  }
});

t.test('a file that cannot take its place leaves nothing behind', async (t) => {
  const dir = t.testdir({ 'tuning.json': {} });
  await t.rejects(writeChoices(join(dir, 'tuning.json'), new Map()));
  t.same(readdirSync(dir), ['tuning.json']);
});

t.test('another adapter, driver, default or candidate gives another file', async (t) => {
  const name = tuningFileName(ADAPTER, TUNING);
  t.match(name, /^tuning-[0-9a-f]{16}\.json$/);
  t.equal(tuningFileName({ ...ADAPTER }, { ...TUNING }), name);
  const { autotune } = TUNING;
  const others = [
    tuningFileName({ ...ADAPTER, name: 'other' }, TUNING),
    tuningFileName({ ...ADAPTER, driver: '1.1' }, TUNING),
    tuningFileName(ADAPTER, batchInvariant(TUNING)),
    tuningFileName(ADAPTER, {
      ...TUNING,
      autotune: { ...autotune, candidates: autotune.candidates.slice(1) },
    }),
  ];
  t.equal(new Set([name, ...others]).size, 5);
});

t.test('a changed shader of a product gives another file, a changed one of attention does not', async (t) => {
  const dir = t.testdir();
  cpSync(SHADER_DIR, dir, { recursive: true });
  const name = tuningFileName(ADAPTER, TUNING, dir);
  t.equal(name, tuningFileName(ADAPTER, TUNING));
  await appendFile(join(dir, 'attention.wgsl'), '\n');
  t.equal(tuningFileName(ADAPTER, TUNING, dir), name);
  for (const file of ['linear_tile.wgsl', 'weight/int4.wgsl', 'lib/linear.wgsl']) {
    await appendFile(join(dir, file), '\n');
    t.not(tuningFileName(ADAPTER, TUNING, dir), name, file);
    cpSync(join(SHADER_DIR, file), join(dir, file));
    t.equal(await readFile(join(dir, file), 'utf8'), await readFile(join(SHADER_DIR, file), 'utf8'));
  }
});
