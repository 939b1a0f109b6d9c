import { join } from 'node:path';
import { isGguf, readGgufHeader } from '../checkpoint/gguf/header.js';
import { readJsonIfAny } from '../checkpoint/json.js';
import { CheckpointError } from '../errors.js';

/** How the hidden states of a text become its embedding: their mean, or the last token's alone. */
export type Pooling = 'mean' | 'last';

/** Where sentence-transformers keeps how a model's hidden states are pooled. */
const POOLING_FILE = '1_Pooling/config.json';

const MODES: Readonly<Record<string, Pooling>> = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_lasttoken: 'last',
};

/** `<architecture>.pooling_type` of a GGUF file, by llama.cpp's numbers: none, mean, the first token's, the last token's, a rank. */
const GGUF_MODES: readonly (Pooling | null)[] = [null, 'mean', null, 'last'];

/**
 * What the model's own folder or GGUF file says; null where it says nothing.
 * @throws CheckpointError where it is pooled in another way, or in several at once
 */
export async function readPooling(modelDir: string): Promise<Pooling | null> {
  if (isGguf(modelDir)) return ggufPooling(modelDir);
  const file = join(modelDir, POOLING_FILE);
  const value = await readJsonIfAny(file);
  if (value === undefined) return null;
  const modes = Object.entries(value ?? {}).filter(
    ([key, on]) => key.startsWith('pooling_mode_') && on === true,
  );
  const [key = 'pooling_mode_mean_tokens'] = modes.map(([name]) => name);
  if (modes.length === 1 && Object.hasOwn(MODES, key)) return MODES[key];
  throw new CheckpointError(file, key, 'must be the only way, mean or last token; or say --pooling');
}

function ggufPooling(file: string): Pooling | null {
  const { metadata } = readGgufHeader(file);
  const key = `${metadata.string('general.architecture', '')}.pooling_type`;
  const type = metadata.integer(key, { min: 0 }, 0);
  const pooling = GGUF_MODES[type] ?? null;
  if (type === 0 || pooling !== null) return pooling;
  throw metadata.error(key, `${type} is neither 1, the mean, nor 3, the last token's; or say --pooling`);
}

/** @param asked `auto` leaves it to the model, and is the mean where that says nothing. @throws CheckpointError as `readPooling` */
export async function choosePooling(modelDir: string, asked: Pooling | 'auto'): Promise<Pooling> {
  return asked === 'auto' ? ((await readPooling(modelDir)) ?? 'mean') : asked;
}
