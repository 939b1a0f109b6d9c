import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** JSON lines. No caller logs a prompt, an output or a key. */
export function createLogger(options: { level: LogLevel; destination?: DestinationStream }): Logger {
  const settings = { level: options.level, base: null };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}
