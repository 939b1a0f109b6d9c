import t from 'tap';
import { UserError } from '#halflight/errors.js';
import { PATIENCE, TransientError, UnreachableError, withTries } from '#halflight/hub/tries.js';

const QUICK = { ...PATIENCE, backoffMs: 1 };
const never = new AbortController().signal;

/** Work that fails so many times, and the number of its calls. */
function failing(failures: number, error: () => Error = () => new TransientError('down')) {
  const work = {
    calls: 0,
    run: async () => {
      if (++work.calls <= failures) throw error();
      return 'done';
    },
  };
  return work;
}

t.test('what may go away is tried three times', async (t) => {
  const twice = failing(2);
  t.equal(await withTries(QUICK, never, twice.run), 'done');
  const thrice = failing(3);
  const error: unknown = await withTries(QUICK, never, thrice.run).catch((reason: unknown) => reason);
  t.ok(error instanceof UnreachableError, String(error));
  t.equal(thrice.calls, 3);
});

t.test('other errors are thrown at once', async (t) => {
  const work = failing(1, () => new UserError('no'));
  await t.rejects(withTries(QUICK, never, work.run), { message: 'no' });
  t.equal(work.calls, 1);
});

t.test('a failure after new bytes counts as the first', async (t) => {
  const work = failing(7);
  t.equal(await withTries(QUICK, never, work.run, () => work.calls), 'done');
});

t.test('waits double, unless the server says how long', async (t) => {
  const start = performance.now();
  await withTries({ ...QUICK, backoffMs: 40 }, never, failing(2).run);
  // Timers may fire a millisecond early.
  t.ok(performance.now() - start > 117, 'at least 40 + 80 ms');
  const asked = performance.now();
  await withTries({ ...QUICK, backoffMs: 60_000 }, never, failing(2, () => new TransientError('429', 1)).run);
  t.ok(performance.now() - asked < 30_000);
});

t.test('an abort ends the wait with its reason', async (t) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new UserError('enough')), 5);
  await t.rejects(withTries({ ...QUICK, backoffMs: 60_000 }, controller.signal, failing(1).run), {
    message: 'enough',
  });
});
