import { type DestinationStream, type Logger, pino } from 'pino';
import type { LOG_LEVELS } from './config.js';

export type { Logger };

type LogLevel = (typeof LOG_LEVELS)[number];

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
