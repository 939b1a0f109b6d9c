import type { FastifyReply, FastifyRequest } from 'fastify';
import { whenClosed } from './closing.js';
import type { KeyMetrics } from './key-metrics.js';
import type { ServedModel } from './models.js';
import { callerOf, setAllowance } from './rate-limits.js';
import type { RequestTimer } from './request-timer.js';
import type { TokenBudgets } from './token-budgets.js';

/** A request, its reply, and what its caller spends from; null where tokens are not limited. */
export interface Call {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly budgets: TokenBudgets | null;
}

/** What an admitted request runs under. */
export interface Admitted {
  /** Aborted when the client goes, or has gone while its prompt was made. */
  readonly controller: AbortController;
  readonly timers: readonly RequestTimer[];
}

/**
 * Takes in a request of so many sequences at once, and lets them go with its client.
 * @param startTimers one for each of its sequences; @param startTimers.onToken to be called for each token that is generated
 * @throws ApiError 429 where the queue is full or the caller's tokens are spent
 */
export function admitCall(
  { admission, metrics }: Pick<ServedModel, 'admission' | 'metrics'>,
  call: Call,
  { numSequences, numPromptTokens }: { readonly numSequences: number; readonly numPromptTokens: number },
  startTimers: (onToken: () => void) => readonly RequestTimer[],
): Admitted {
  const { request, reply, budgets } = call;
  budgets?.check(callerOf(request), numPromptTokens);
  const release = admission.admit(numSequences);
  const timers = startTimers(startSpending(call, metrics.keys, numPromptTokens));
  const controller = new AbortController();
  whenClosed(reply, () => {
    controller.abort();
    release((performance.now() - request.startMs) / 1000);
    for (const timer of timers) timer.finish('abort');
  });
  return { controller, timers };
}

/**
 * Takes the prompts' tokens of an admitted request from its caller's budget, and counts them for its key. Call the result for each
 * token that is generated.
 */
function startSpending(call: Call, metrics: KeyMetrics, numPromptTokens: number): () => void {
  const { request, reply, budgets } = call;
  const { keyName } = request;
  const caller = callerOf(request);
  if (keyName !== null) metrics.request(keyName, numPromptTokens);
  if (budgets !== null) {
    budgets.spend(caller, numPromptTokens);
    setAllowance(reply, 'tokens', budgets.allowance(caller));
  }
  return () => {
    if (keyName !== null) metrics.token(keyName);
    budgets?.spend(caller, 1);
  };
}
