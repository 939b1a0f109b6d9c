import t from 'tap';
import { ApiError } from '#halflight/errors.js';
import { TokenBudgets } from '#halflight/server/token-budgets.js';

function refusal(work: () => void): ApiError {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return error;
  }
  throw new Error('it was admitted');
}

function budgetsAt(perMinute: number) {
  const clock = { ms: 5000 };
  return { clock, budgets: new TokenBudgets(perMinute, () => clock.ms) };
}

t.test('a prompt is admitted when it fits in what is left', (t) => {
  const { budgets } = budgetsAt(60);
  budgets.check('ann', 60);
  budgets.spend('ann', 50);
  budgets.check('ann', 10);
  t.match(
    refusal(() => budgets.check('ann', 15)),
    { code: 'rate_limit_exceeded', status: 429, retryAfterSeconds: 5, message: /10 are left.*has 15/ },
    'one token comes back in a second',
  );
  budgets.check('bob', 60);
  t.end();
});

t.test('what is spent comes back evenly within a minute, and no more than the limit', (t) => {
  const { budgets, clock } = budgetsAt(60);
  budgets.spend('ann', 60);
  t.strictSame(budgets.allowance('ann'), { limit: 60, remaining: 0, resetMs: 60_000 });
  clock.ms += 1500;
  t.strictSame(budgets.allowance('ann'), { limit: 60, remaining: 1, resetMs: 58_500 });
  clock.ms += 600_000;
  t.strictSame(budgets.allowance('ann'), { limit: 60, remaining: 60, resetMs: 0 });
  t.end();
});

t.test('an answer may take more than is left, which the next request waits for', (t) => {
  const { budgets, clock } = budgetsAt(60);
  budgets.spend('ann', 150);
  t.strictSame(budgets.allowance('ann'), { limit: 60, remaining: 0, resetMs: 150_000 });
  const { retryAfterSeconds, message } = refusal(() => budgets.check('ann', 1));
  t.equal(retryAfterSeconds, 91);
  t.match(message, /0 are left/);
  clock.ms += 91_000;
  budgets.check('ann', 1);
  t.end();
});

t.test('asks nobody to retry what never fits', (t) => {
  const { budgets } = budgetsAt(60);
  t.match(
    refusal(() => budgets.check('ann', 61)),
    { code: 'invalid_value', retryAfterSeconds: null },
  );
  t.end();
});
