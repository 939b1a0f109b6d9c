import t from 'tap';
import { progressText, showLoad } from '#halflight/commands/load-progress.js';

const PROGRESS = {
  done: 1200,
  inFlight: 4,
  failed: 1,
  total: 5000,
  numChunks: 300,
  elapsedMs: 2000,
  p50TtftMs: 40.4,
  p99TtftMs: 99.6,
};

function stream(isTTY: boolean): { stream: NodeJS.WriteStream; written: string[] } {
  const written: string[] = [];
  const fake = { isTTY, columns: 60, write: (text: string) => written.push(text) > 0 };
  return { stream: fake as unknown as NodeJS.WriteStream, written };
}

t.test('the line tells done, in flight, failed, tokens and times', (t) => {
  t.equal(
    progressText(PROGRESS),
    '1,200 of 5,000 done, 4 in flight, 1 failed, 150.0 tokens/s, TTFT p50 40 ms, p99 100 ms',
  );
  t.equal(
    progressText({ ...PROGRESS, elapsedMs: 0, p50TtftMs: null }),
    '1,200 of 5,000 done, 4 in flight, 1 failed, 0.0 tokens/s',
  );
  t.end();
});

t.test('a terminal has one line that changes and never wraps', (t) => {
  const { stream: tty, written } = stream(true);
  const display = showLoad('int8: ', tty);
  display.update(PROGRESS);
  display.update(PROGRESS);
  display.stop();
  t.equal(written.length, 3);
  t.ok(written[0].startsWith('\r\u001b[2Kint8: 1,200 of'));
  t.equal(written[0].length, 5 + 59);
  t.equal(written[2], '\n');
  t.end();
});

t.test('elsewhere there is a line every ten seconds, and one at the end', (t) => {
  const { stream: pipe, written } = stream(false);
  const display = showLoad('', pipe);
  for (const elapsedMs of [250, 500, 10_250, 11_000, 20_500]) display.update({ ...PROGRESS, elapsedMs });
  display.update({ ...PROGRESS, done: 5000, elapsedMs: 12_000 });
  display.stop();
  t.equal(written.length, 3);
  t.match(written[2], /^5,000 of 5,000 done.*\n$/);
  t.end();
});
