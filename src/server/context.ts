import type { Engine } from '../engine/types.js';
import { ApiError } from '../errors.js';
import type { ChatTemplate } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { Admission } from './admission.js';
import type { Metrics } from './metrics.js';
import type { ServerState } from './state.js';

/** What the routes work with. */
export interface ServerContext {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  /** null where the model has none. */
  readonly template: ChatTemplate | null;
  /** Names that requests may use; the first is the one that metrics carry. */
  readonly servedModelNames: readonly [string, ...string[]];
  /** Where the model came from: a directory or a hub name. */
  readonly modelRoot: string;
  readonly version: string;
  readonly state: ServerState;
  readonly admission: Admission;
  readonly metrics: Metrics;
  /** Unix seconds. */
  readonly startedAt: number;
}

/** The name to answer under; a request that names no model gets the first. @throws ApiError `model_not_found` */
export function resolveModel(context: ServerContext, name: string | null | undefined): string {
  if (name === null || name === undefined) return context.servedModelNames[0];
  if (context.servedModelNames.includes(name)) return name;
  const known = context.servedModelNames.join(', ');
  throw new ApiError('model_not_found', `There is no model of that name here; there is: ${known}.`, 'model');
}
