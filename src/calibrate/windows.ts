import type { LogitsModel } from '../engine/logits.js';

/** Tokens that a model reads at once, and those of them that count. */
export interface Window {
  readonly tokenIds: readonly number[];
  /** Index of the first token that is scored, each given all before it; at least 1. */
  readonly firstScored: number;
}

/** Where the predictions of windows' scored tokens come from: a model, or a file that keeps what a model gave. */
export interface LogitsSource {
  readonly vocabSize: number;
  /** For each scored token of a window, in order, the logits `[vocab]` that predict it. A row is valid until the next is asked for. */
  rows(window: Window): AsyncIterable<Float32Array>;
}

/** Called after each window. */
export type OnWindow = (done: number, total: number) => void;

/** The rows are read from the device a chunk at a time, so a long window takes no more memory than a short one. */
export function modelRows(model: Pick<LogitsModel, 'rows' | 'vocabSize'>): LogitsSource {
  const { vocabSize } = model;
  return {
    vocabSize,
    async *rows({ tokenIds, firstScored }) {
      for await (const chunk of model.rows(tokenIds.slice(0, -1), firstScored - 1)) {
        for (let i = 0; i < chunk.length; i += vocabSize) yield chunk.subarray(i, i + vocabSize);
      }
    },
  };
}

/** Ids of a window's scored tokens. */
export function scoredIds({ tokenIds, firstScored }: Window): readonly number[] {
  return tokenIds.slice(firstScored);
}

export function numScored(windows: readonly Window[]): number {
  return windows.reduce((sum, { tokenIds, firstScored }) => sum + tokenIds.length - firstScored, 0);
}
