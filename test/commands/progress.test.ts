import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { showProgress, whileLoading } from '#halflight/commands/progress.js';
import type { LoadProgress } from '#halflight/engine/options.js';

const CLEAR_LINE = '\x1b[2K';
const HIDE_CURSOR = '\x1b[?25l';
const NO_WRAP = '\x1b[?7l';

/** A stand-in for standard error, and what was written to it. */
function fakeStream(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  const pieces: string[] = [];
  const stream = new Writable({
    write(piece, _encoding, done) {
      pieces.push(String(piece));
      done();
    },
  });
  Object.assign(stream, { isTTY, columns: 80 });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => pieces.join('') };
}

const load = (onProgress: (progress: LoadProgress) => void) => {
  onProgress({ stage: 'weights', done: 1000, total: 7_340_000 });
  onProgress({ stage: 'weights', done: 7_340_000, total: 7_340_000 });
  onProgress({ stage: 'kernels', done: 7_340_000, total: 7_340_000 });
  return Promise.resolve('loaded');
};

t.test('elsewhere than on a terminal each stage is one plain line', async (t) => {
  const { stream, text } = fakeStream(false);
  t.equal(await whileLoading(showProgress(stream), load), 'loaded');
  t.equal(text(), 'loading weights: 7.34 MB\ncompiling kernels\n');
});

t.test('a stage that takes long tells its pace on lines of their own', async (t) => {
  const { stream, text } = fakeStream(false);
  const display = showProgress(stream, 400);
  display.update({ stage: 'weights', done: 0, total: 3_000_000 });
  await sleep(250);
  display.update({ stage: 'weights', done: 500_000, total: 3_000_000 });
  t.equal(text(), 'loading weights: 3.00 MB\n', 'not yet');
  await sleep(250);
  display.update({ stage: 'weights', done: 1_000_000, total: 3_000_000 });
  display.update({ stage: 'weights', done: 1_000_001, total: 3_000_000 });
  t.match(
    text(),
    /^loading weights: 3\.00 MB\nloading weights: 1\.00 MB of 3\.00 MB, \d\.\d\d MB\/s, \d:\d\d left\n$/,
  );
});

t.test('on a terminal there is a bar, which is gone afterwards', async (t) => {
  const { stream, text } = fakeStream(true);
  await whileLoading(showProgress(stream), load);
  t.match(text(), /loading weights \[.+\] 1\.00 kB of 7\.34 MB/);
  t.match(text(), 'compiling kernels');
  t.ok(text().endsWith(CLEAR_LINE), 'the last that is written clears the line');
  for (const switchOff of [HIDE_CURSOR, NO_WRAP])
    t.notOk(text().includes(switchOff), 'a signal could leave it so');
});

t.test('the bar is gone where loading fails, too', async (t) => {
  const { stream, text } = fakeStream(true);
  const failing = whileLoading(showProgress(stream), async (onProgress) => {
    await load(onProgress);
    throw new Error('broken');
  });
  await t.rejects(failing, /broken/);
  t.ok(text().endsWith(CLEAR_LINE));
});

t.test('the bar of bytes has rate and time left once they can be told', async (t) => {
  const { stream, text } = fakeStream(true);
  const display = showProgress(stream);
  display.update({ stage: 'download', done: 0, total: 3_000_000 });
  await sleep(250);
  display.update({ stage: 'download', done: 1_000_000, total: 3_000_000 });
  display.stop();
  t.match(text(), /downloading \[.+\] 1\.00 MB of 3\.00 MB, \d\.\d\d MB\/s, 0:01 left/);
});

t.test('windows are counted, not measured', (t) => {
  const { stream, text } = fakeStream(false);
  showProgress(stream).update({ stage: 'windows', done: 1, total: 1234 });
  t.equal(text(), 'scoring windows: 1,234\n');
  t.end();
});

t.test('a note is a line that stays, on a terminal too', async (t) => {
  for (const isTTY of [false, true]) {
    const { stream, text } = fakeStream(isTTY);
    await whileLoading(showProgress(stream), async (onProgress) => {
      onProgress({ stage: 'autotune', done: 0, total: 20 });
      onProgress({ stage: 'autotune', done: 19, total: 20, note: 'a note' });
      onProgress({ stage: 'kernels', done: 20, total: 20 });
    });
    const at = ['measuring kernels', 'a note\n', 'compiling kernels'].map((part) => text().indexOf(part));
    t.ok(at[0] >= 0 && at[0] < at[1] && at[1] < at[2], String(at));
    t.match(text().slice(0, at[1]), isTTY ? /2K$|1G$/ : /\n$/, 'it starts a line');
  }
});
