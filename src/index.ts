/** halflight within another program: `import { createEngine, createServer } from 'halflight'`. docs/library.md shows how. */

export type { EngineInfo, EngineStats, SamplingParams } from './engine/types.js';
export { ApiError, CheckpointError, UserError } from './errors.js';
export { createServer, type LibraryServerOptions as ServerOptions } from './library/server.js';
export {
  createTextEngine as createEngine,
  type TextEngine,
  type TextEngineOptions as EngineOptions,
  type TextOptions,
  type TextPiece,
} from './library/text-engine.js';
export type { ChatMessage } from './text/chat-template.js';
