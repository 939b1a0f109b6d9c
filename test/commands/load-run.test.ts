import t from 'tap';
import { checkClient, measureShown } from '#halflight/commands/load-run.js';
import { refuses } from '../support/commands.js';
import { plan } from '../support/load.js';
import { startToy } from '../support/toy-server.js';

t.test('a load is measured while its progress is shown', async (t) => {
  const { url } = await startToy(t, () => ({ ttftMs: 2, itlMs: 1, numTokens: 2 }));
  const capture = t.capture(process.stderr, 'write', () => true);
  const { summary } = await measureShown('int8: ', plan(url, 3), { goodput: null, watchServer: false });
  capture.restore();
  t.match(summary, { completed: 3, failed: 0 });
  t.match(
    capture()
      .map(({ args }) => String(args[0]))
      .join(''),
    /int8: 3 of 3 done, 0 in flight, 0 failed/,
  );
});

t.test('a run whose client was the bottleneck is not shown', async (t) => {
  await refuses(
    t,
    () => checkClient({ bottleneck: 'its event loop was busy 95% of the time' }),
    /^bench: the client was the bottleneck.*busy 95%.*--request-rate/,
  );
  t.doesNotThrow(() => checkClient({ bottleneck: null }));
});
