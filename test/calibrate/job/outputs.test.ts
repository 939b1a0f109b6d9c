import { spawnSync } from 'node:child_process';
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  checkOutput,
  copyFiles,
  fileSha256,
  filesToCopy,
  freeBytes,
  partialOf,
  preparePartial,
  publish,
  recover,
  sampledSha256,
  takenBytes,
  whileLocked,
} from '#halflight/calibrate/job/outputs.js';
import { refuses } from '../../support/commands.js';
import { fable, temporaryFolder } from '../../support/models.js';

t.test(
  'tokenizer, chat template and settings of generation go along, weights and configuration do not',
  async (t) => {
    const names = [
      'chat_template.jinja',
      'generation_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ];
    t.strictSame(await filesToCopy(fable, false), names);
    t.strictSame(await filesToCopy(fable, true), [], 'a GGUF file holds them itself');
    const dir = await temporaryFolder(t);
    await copyFiles(fable, dir, names);
    t.strictSame((await readdir(dir)).sort(), names);
    t.equal(await fileSha256(join(dir, names[2])), await fileSha256(join(fable, names[2])));
  },
);

t.test('an output that is there is replaced only when told to, and only where it is a model', async (t) => {
  const dir = await temporaryFolder(t);
  const out = join(dir, 'out');
  await checkOutput(fable, out, false);
  await mkdir(out);
  await refuses(t, () => checkOutput(fable, out, false), /exists already; --overwrite replaces it$/);
  await checkOutput(fable, out, true);
  await writeFile(join(out, 'letter.txt'), '');
  await refuses(t, () => checkOutput(fable, out, true), /holds no model/);
  await writeFile(join(out, 'config.json'), '');
  await checkOutput(fable, out, true);
  await refuses(t, () => checkOutput(fable, join(out, 'config.json'), true), /is a file/);
  await refuses(t, () => checkOutput(out, out, true), /is the model itself/);
});

t.test('a finished folder takes the place of an older one', async (t) => {
  const out = join(await temporaryFolder(t), 'out');
  for (const name of ['first', 'second']) {
    await writeFile(join(await preparePartial(out, false), name), '');
    await publish(out);
    t.strictSame(await readdir(out), [name]);
  }
  t.strictSame(await readdir(join(out, '..')), ['out']);
});

t.test('a replacement that is cut off anywhere is finished or undone by the next run', async (t) => {
  const dir = await temporaryFolder(t);
  const make = async (folder: string, ...names: string[]) => {
    await mkdir(join(dir, folder), { recursive: true });
    for (const name of names) await writeFile(join(dir, folder, name), '');
  };
  const finished = ['new', 'quantization-report.md'];
  const cases: [string, Record<string, string[]>, string[]][] = [
    ['before the new one had its name', { 'a.replaced': ['old'], 'a.partial': finished }, finished],
    ['while the old one was removed', { 'b.replaced': [], b: finished }, finished],
    [
      'and the new one is not whole',
      { 'c.replaced': ['old'], 'c.partial': [...finished, 'quantization-journal.jsonl'] },
      ['old'],
    ],
    ['never begun', { d: ['old'] }, ['old']],
  ];
  for (const [name, folders, expected] of cases) {
    const out = Object.keys(folders)[0].slice(0, 1);
    for (const [folder, names] of Object.entries(folders)) await make(folder, ...names);
    await recover(join(dir, out));
    t.strictSame((await readdir(join(dir, out))).sort(), expected, name);
  }
  t.strictSame((await readdir(dir)).sort(), ['a', 'b', 'c', 'c.partial', 'd']);
});

t.test('two processes never write the same output, but one that has died is no hindrance', async (t) => {
  const out = join(await temporaryFolder(t), 'out');
  await whileLocked(out, async () => {
    await refuses(t, () => whileLocked(out, async () => undefined), /^OUT: .*another process is writing it/);
    await writeFile(join(await preparePartial(out, false), 'half'), '');
    t.strictSame(await readdir(await preparePartial(out, true)), ['halflight.lock']);
  });
  const { pid } = spawnSync(process.execPath, ['--version']);
  await writeFile(join(partialOf(out), 'halflight.lock'), `${hostname()} ${pid}\nid\n`);
  t.equal(await whileLocked(out, async () => 1), 1);
  t.strictSame(await readdir(partialOf(out)), []);
});

t.test('samples tell files apart that differ anywhere near them', async (t) => {
  const file = join(await temporaryFolder(t), 'file');
  const bytes = new Uint8Array(2 ** 21);
  await writeFile(file, bytes);
  const before = await sampledSha256(file, bytes.length);
  t.equal(await sampledSha256(file, bytes.length), before);
  bytes[2 ** 20] = 1;
  await writeFile(file, bytes);
  t.not(await sampledSha256(file, bytes.length), before);
});

t.test('what is unfinished stays unless it is to begin anew', async (t) => {
  const out = join(await temporaryFolder(t), 'out');
  await writeFile(join(await preparePartial(out, false), 'half'), '');
  t.strictSame(await readdir(await preparePartial(out, false)), ['half']);
  t.strictSame(await readdir(await preparePartial(out, true)), []);
});

t.test('what an unfinished folder takes of the disk counts, holes in its files do not', async (t) => {
  const dir = await temporaryFolder(t);
  t.equal(await takenBytes(join(dir, 'none')), 0);
  await writeFile(join(dir, 'full'), new Uint8Array(2 ** 20));
  await truncate(join(dir, 'full'), 2 ** 26);
  const taken = await takenBytes(dir);
  t.ok(taken >= 2 ** 20 && taken < 2 ** 24, `${taken} bytes`);
});

t.test('free space is that of the nearest folder that is there', async (t) => {
  const dir = await temporaryFolder(t);
  const free = await freeBytes(join(dir, 'not', 'yet'));
  t.ok(free > 0 && Number.isFinite(free));
});
