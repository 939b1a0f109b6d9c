import { ApiError, CheckpointError, type ErrorCode, LoadCheckError, UserError } from '../errors.js';
import type { StepResult } from './core.js';
import type { EngineOptions, LoadProgress } from './options.js';
import type { EngineInfo, EngineRequest, EngineStats } from './types.js';

/** What the client asks of the core. Order matters: all that one turn of the event loop asks travels in one message. */
export type EngineCommand =
  | { readonly type: 'add'; readonly request: EngineRequest }
  | { readonly type: 'abort' | 'pause' | 'resume'; readonly id: string };

/**
 * What the core tells its client: one `step` per step, and `stats` where commands leave nothing to step for. `failed` is the last event.
 */
export type EngineEvent =
  | ({ readonly type: 'step' } & StepResult)
  | { readonly type: 'stats'; readonly stats: EngineStats }
  | { readonly type: 'refused'; readonly id: string; readonly error: WireError }
  | { readonly type: 'failed'; readonly error: WireError };

export type ToWorker =
  | { readonly type: 'init'; readonly options: EngineOptions }
  | { readonly type: 'commands'; readonly commands: readonly EngineCommand[] }
  | { readonly type: 'close' };

export type FromWorker =
  | { readonly type: 'progress'; readonly progress: LoadProgress }
  | { readonly type: 'ready'; readonly info: EngineInfo }
  | EngineEvent;

/** Carries commands to a core and its events back, across threads or not. */
export interface Transport {
  post(commands: readonly EngineCommand[]): void;
  /** One listener; an event that came before it is not lost. */
  listen(listener: (event: EngineEvent) => void): void;
  /** Resolves when the core and its device are gone. */
  close(): Promise<void>;
}

/** An error as plain data: cloning between threads loses classes. */
export type WireError =
  | {
      readonly kind: 'api';
      readonly code: ErrorCode;
      readonly message: string;
      readonly param: string | null;
    }
  | { readonly kind: 'checkpoint'; readonly file: string; readonly field: string; readonly problem: string }
  | {
      readonly kind: 'load-check';
      readonly tensor: string;
      readonly kernel: string;
      readonly problem: string;
    }
  | { readonly kind: 'user'; readonly message: string }
  | { readonly kind: 'other'; readonly message: string; readonly stack: string | null };

export function encodeError(error: unknown): WireError {
  if (error instanceof ApiError) {
    return { kind: 'api', code: error.code, message: error.message, param: error.param };
  }
  if (error instanceof CheckpointError) {
    const { file, field, message } = error;
    return { kind: 'checkpoint', file, field, problem: message.slice(`${file}: ${field}: `.length) };
  }
  if (error instanceof LoadCheckError) {
    const { tensor, kernel, problem } = error;
    return { kind: 'load-check', tensor, kernel, problem };
  }
  if (error instanceof UserError) return { kind: 'user', message: error.message };
  if (error instanceof Error) return { kind: 'other', message: error.message, stack: error.stack ?? null };
  return { kind: 'other', message: String(error), stack: null };
}

export function decodeError(wire: WireError): Error {
  switch (wire.kind) {
    case 'api':
      return new ApiError(wire.code, wire.message, wire.param);
    case 'checkpoint':
      return new CheckpointError(wire.file, wire.field, wire.problem);
    case 'load-check':
      return new LoadCheckError(wire.tensor, wire.kernel, wire.problem);
    case 'user':
      return new UserError(wire.message);
    case 'other': {
      const error = new Error(wire.message);
      if (wire.stack !== null) error.stack = wire.stack;
      return error;
    }
    default:
      return wire satisfies never;
  }
}
