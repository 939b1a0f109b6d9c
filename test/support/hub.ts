import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { HubClient } from '#halflight/hub/client.js';
import type { PullOptions } from '#halflight/hub/pull.js';
import type { Patience } from '#halflight/hub/tries.js';
import type { HubServer } from './hub-server.js';
import { temporaryFolder } from './models.js';

/** Waits of a test: a stall is seen soon, yet later than a slow machine answers. */
export const QUICK: Patience = { stallTimeoutMs: 2000, backoffMs: 1, maxRetryAfterMs: 3000 };

export const TOKEN = 'hf_secret';

export const never: AbortSignal = new AbortController().signal;

/** A model's files, its weights too long for one chunk. */
export const MODEL = {
  'config.json': '{"model_type": "llama"}',
  'tokenizer.json': '{}',
  'README.md': '# A model',
  'pytorch_model.bin': 'pickle',
  'model.safetensors': randomBytes(3_000_000),
};

/** A pull's options, with what it tells. */
export interface Told extends PullOptions {
  readonly notes: string[];
  readonly progress: (readonly [number, number])[];
}

export async function pullOptions(
  t: Test,
  hub: HubServer,
  changes: Partial<PullOptions> = {},
): Promise<Told> {
  const notes: string[] = [];
  const progress: (readonly [number, number])[] = [];
  return {
    settings: settingsOf(hub, await temporaryFolder(t)),
    localFilesOnly: false,
    ggufFile: null,
    patience: QUICK,
    onNote: (note) => notes.push(note),
    onProgress: (done, total) => progress.push([done, total]),
    notes,
    progress,
    ...changes,
  };
}

export function settingsOf({ endpoint }: HubServer, cacheDir = '/nowhere') {
  return { endpoint, cacheDir, token: TOKEN, offline: false, unusedProxy: null };
}

export function clientOf(hub: HubServer): HubClient {
  return new HubClient('org/name', settingsOf(hub), QUICK);
}
