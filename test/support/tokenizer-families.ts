import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Tokenizer } from '#halflight/text/tokenizer.js';
import { fixture } from './paths.js';

export const FAMILIES = [
  'bert-uncased',
  'bert-cased',
  't5',
  'albert',
  'gpt2',
  'llama3',
  'qwen2',
  'llama2',
  'gemma',
] as const;
export type Family = (typeof FAMILIES)[number];

/** What Python tokenizers makes of a text. */
export interface FamilyCase {
  readonly input: string;
  readonly ids: readonly number[];
  readonly bare: readonly number[];
  readonly text: string;
  readonly plain: readonly number[];
}

interface FamilyFile {
  readonly tokenizer: { readonly normalizer: NormalizerJson | null };
  readonly cases: readonly FamilyCase[];
}

interface NormalizerJson {
  readonly type: string;
  readonly normalizers?: readonly NormalizerJson[];
}

/** SentencePiece's table of `nmt_nfkc`, as tokenizer.json has it. */
export function charsmapJson(): string {
  return gunzipSync(readFileSync(fixture('text/families/nmt_nfkc.charsmap.gz'))).toString();
}

export function readFamily(name: Family): { tokenizer: Tokenizer; cases: readonly FamilyCase[] } {
  const file = JSON.parse(readFileSync(fixture(`text/families/${name}.json`), 'utf8')) as FamilyFile;
  const json = { ...file.tokenizer, normalizer: withCharsmap(file.tokenizer.normalizer) };
  return { tokenizer: new Tokenizer(json, {}), cases: file.cases };
}

function withCharsmap(normalizer: NormalizerJson | null): object | null {
  if (normalizer === null) return null;
  if (normalizer.type === 'Precompiled') return { ...normalizer, precompiled_charsmap: charsmapJson() };
  const { normalizers } = normalizer;
  return normalizers === undefined
    ? normalizer
    : { ...normalizer, normalizers: normalizers.map(withCharsmap) };
}
