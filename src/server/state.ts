import { ApiError } from '../errors.js';

/** `leaving` still takes work, but tells balancers to send none; `draining` only finishes what has begun. */
export type Phase = 'loading' | 'ready' | 'leaving' | 'draining' | 'failed';

/** Whether the server takes work. Its owner moves `phase`; the routes only read it. */
export interface ServerState {
  phase: Phase;
}

const RETRY_AFTER_SECONDS = 5;

const REFUSALS = {
  loading: { code: 'not_ready', message: 'The model is still loading.' },
  leaving: { code: 'not_ready', message: 'The server is about to shut down.' },
  draining: { code: 'not_ready', message: 'The server is shutting down.' },
  failed: { code: 'engine_failed', message: 'The engine has failed.' },
} as const satisfies Record<Exclude<Phase, 'ready'>, { code: string; message: string }>;

/** Whether work is taken. @throws ApiError 503 where it is not */
export function assertReady(state: ServerState): void {
  if (state.phase !== 'leaving') assertHealthy(state);
}

/** Whether work should be sent here. @throws ApiError 503 in every phase but `ready` */
export function assertHealthy(state: ServerState): void {
  if (state.phase === 'ready') return;
  const { code, message } = REFUSALS[state.phase];
  throw new ApiError(code, message, null, RETRY_AFTER_SECONDS);
}
