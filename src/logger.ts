import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** JSON lines, to standard output unless told otherwise. No caller logs a prompt, an output or a key. */
export function createLogger(options: { level: LogLevel; destination?: DestinationStream }): Logger {
  const settings = { level: options.level, base: null };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/** A destination that makes a logger's lines readable for people, and writes them to standard output unless told otherwise. */
export async function readableLines(destination?: NodeJS.WritableStream): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  const settings = { sync: true, singleLine: true, translateTime: 'SYS:HH:MM:ss' };
  return destination === undefined ? pretty(settings) : pretty({ ...settings, destination });
}
