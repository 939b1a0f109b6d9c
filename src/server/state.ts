import { ApiError } from '../errors.js';

export type Phase = 'loading' | 'ready' | 'draining' | 'failed';

/** Whether the server takes work. Its owner moves `phase`; the routes only read it. */
export interface ServerState {
  phase: Phase;
}

const RETRY_AFTER_SECONDS = 5;

const REFUSALS = {
  loading: { code: 'not_ready', message: 'The model is still loading.' },
  draining: { code: 'not_ready', message: 'The server is shutting down.' },
  failed: { code: 'engine_failed', message: 'The engine has failed.' },
} as const satisfies Record<Exclude<Phase, 'ready'>, { code: string; message: string }>;

/** @throws ApiError 503 in every phase but `ready` */
export function assertReady(state: ServerState): void {
  if (state.phase === 'ready') return;
  const { code, message } = REFUSALS[state.phase];
  throw new ApiError(code, message, null, RETRY_AFTER_SECONDS);
}
