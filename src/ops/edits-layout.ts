import { floatBits, NONE } from './batch-layout.js';
import {
  type LogitsEdits,
  pendingRow,
  pendingToken,
  type SamplingRow,
  type TokenBias,
  type TokenCount,
} from './ops.js';

/** Offsets in words within the header of one row's edits. Headers of all edited rows come first, then what they point to. */
export const EDIT = {
  /** The sampling row that is edited. */
  row: 0,
  /** Row of the previous results that holds the pending token; NONE where there is none. */
  pending: 1,
  repetition: 2,
  frequency: 3,
  presence: 4,
  /** Offset and number of counts: token, then times in the output with the top bit set for one of the prompt. */
  counts: 5,
  numCounts: 6,
  /** Offset and number of biases: token, f32, token that must be pending or NONE. */
  biases: 7,
  numBiases: 8,
  /** Offset of the bits of the allowed tokens; NONE allows all. */
  allowed: 9,
  words: 16,
} as const;

const COUNT_WORDS = 2;
const BIAS_WORDS = 3;
export const IN_PROMPT = 0x8000_0000;

/** Words that the edits have room for until a step needs more. */
export const MIN_EDITS_WORDS = 4096;

/** Room for `length` words of edits: the present room doubled until it is enough. */
export function grownLength(present: number, length: number): number {
  let room = present;
  while (room < length) room *= 2;
  return room;
}

type Edited = { readonly row: number; readonly edits: LogitsEdits };

/** The sampling rows that have edits, in order. */
export function editedRows(sampling: readonly SamplingRow[]): Edited[] {
  return sampling.flatMap(({ edits }, row) => (edits === null ? [] : [{ row, edits }]));
}

/** Words that the edits of a step take. */
export function editsLength(edited: readonly Edited[]): number {
  return edited.reduce((sum, { edits }) => sum + EDIT.words + bodyLength(edits), 0);
}

function bodyLength({ counts, biases, allowed }: LogitsEdits): number {
  return counts.length * COUNT_WORDS + biases.length * BIAS_WORDS + (allowed?.length ?? 0);
}

/** Writes the edits into `words`, which holds `editsLength` words at least. */
export function writeEdits(edited: readonly Edited[], words: Uint32Array): void {
  let at = edited.length * EDIT.words;
  for (const [i, { row, edits }] of edited.entries()) {
    writeHeader(words.subarray(i * EDIT.words), row, edits, at);
    at = writeBody(words, edits, at);
  }
}

function writeHeader(words: Uint32Array, row: number, edits: LogitsEdits, at: number): void {
  const biases = at + edits.counts.length * COUNT_WORDS;
  words[EDIT.row] = row;
  words[EDIT.pending] = edits.pending === null ? NONE : (pendingRow(edits.pending) ?? NONE);
  words[EDIT.repetition] = floatBits(edits.repetition);
  words[EDIT.frequency] = floatBits(edits.frequency);
  words[EDIT.presence] = floatBits(edits.presence);
  words[EDIT.counts] = at;
  words[EDIT.numCounts] = edits.counts.length;
  words[EDIT.biases] = biases;
  words[EDIT.numBiases] = edits.biases.length;
  words[EDIT.allowed] = edits.allowed === null ? NONE : biases + edits.biases.length * BIAS_WORDS;
}

function writeBody(words: Uint32Array, { counts, biases, allowed }: LogitsEdits, start: number): number {
  let at = start;
  for (const { tokenId, inPrompt, count } of counts) {
    words[at++] = tokenId;
    words[at++] = (inPrompt ? IN_PROMPT : 0) + count;
  }
  for (const { tokenId, bias, after } of biases) {
    words[at++] = tokenId;
    words[at++] = floatBits(bias);
    words[at++] = after ?? NONE;
  }
  if (allowed !== null) words.set(allowed, at);
  return at + (allowed?.length ?? 0);
}

/** Of the `index`-th edited row, what `writeEdits` wrote. @param vocabulary bits of the allowed tokens */
export function readEdits(words: Uint32Array<ArrayBuffer>, index: number, vocabulary: number): Edited {
  const header = words.subarray(index * EDIT.words, (index + 1) * EDIT.words);
  const floats = floatsOf(header);
  const allowed = header[EDIT.allowed];
  const edits = {
    repetition: floats[EDIT.repetition],
    frequency: floats[EDIT.frequency],
    presence: floats[EDIT.presence],
    counts: entriesOf(words, header[EDIT.counts], header[EDIT.numCounts], COUNT_WORDS).map(readCount),
    pending: header[EDIT.pending] === NONE ? null : pendingToken(header[EDIT.pending]),
    biases: entriesOf(words, header[EDIT.biases], header[EDIT.numBiases], BIAS_WORDS).map(readBias),
    allowed: allowed === NONE ? null : words.subarray(allowed, allowed + Math.ceil(vocabulary / 32)),
  };
  return { row: header[EDIT.row], edits };
}

function entriesOf(
  words: Uint32Array<ArrayBuffer>,
  at: number,
  count: number,
  size: number,
): Uint32Array<ArrayBuffer>[] {
  return Array.from({ length: count }, (_, i) => words.subarray(at + i * size, at + (i + 1) * size));
}

function readCount([tokenId, times]: Uint32Array): TokenCount {
  return { tokenId, inPrompt: times >= IN_PROMPT, count: times % IN_PROMPT };
}

function readBias(words: Uint32Array<ArrayBuffer>): TokenBias {
  return { tokenId: words[0], bias: floatsOf(words)[1], after: words[2] === NONE ? null : words[2] };
}

function floatsOf(words: Uint32Array<ArrayBuffer>): Float32Array {
  return new Float32Array(words.buffer, words.byteOffset, words.length);
}
