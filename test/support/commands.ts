import type { Test } from 'tap';
import { UserError } from '#halflight/errors.js';

/** What `run` prints on standard output. */
export async function printed(t: Test, run: () => Promise<unknown>): Promise<string> {
  const capture = t.capture(process.stdout, 'write', () => true);
  try {
    await run();
  } finally {
    capture.restore();
  }
  return capture()
    .map(({ args }) => String(args[0]))
    .join('');
}

/** Checks that `run` fails as a mistake of the user, with one line that matches. */
export async function refuses(t: Test, run: () => unknown, line: RegExp): Promise<void> {
  const error: unknown = await Promise.resolve()
    .then(run)
    .then(
      () => null,
      (reason: unknown) => reason,
    );
  t.ok(error instanceof UserError, `${line} is a UserError, not ${error}`);
  const message = error instanceof Error ? error.message : '';
  t.match(message, line);
  t.notMatch(message, /\n/);
}
