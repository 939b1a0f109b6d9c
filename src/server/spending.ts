import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KeyMetrics } from './key-metrics.js';
import { callerOf, setAllowance } from './rate-limits.js';
import type { TokenBudgets } from './token-budgets.js';

/** A request, its reply, and what its caller spends from; null where tokens are not limited. */
export interface Call {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly budgets: TokenBudgets | null;
}

/**
 * Takes the prompts' tokens of an admitted request from its caller's budget, and counts them for its key. Call the result for each
 * token that is generated.
 */
export function startSpending(call: Call, metrics: KeyMetrics, numPromptTokens: number): () => void {
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
