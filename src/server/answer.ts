import type { FastifyReply } from 'fastify';
import type { TextChunk } from './generation.js';
import type { Indexed } from './merge.js';
import type { StreamParams } from './params.js';
import type { Run } from './run.js';
import { type StreamCall, sendEvents, startOf } from './sse.js';

/** Keys that every chunk and every whole answer begins with. */
export interface Envelope {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: null;
}

/** How an endpoint writes its choices. */
export interface AnswerShape {
  readonly whole: (index: number, joined: TextChunk) => object;
  /** Keys of the whole answer beside its choices. */
  readonly rest?: (choices: readonly TextChunk[]) => object;
  /** Keys of the first chunk of a stream beside its choices. */
  readonly first?: object;
  /** The choice's part in each of the events that a chunk becomes. @param isFirst whether this is the choice's first chunk */
  readonly chunks: (index: number, chunk: TextChunk, isFirst: boolean) => readonly object[];
}

export interface Answer {
  readonly run: Run;
  readonly shape: AnswerShape;
  readonly numChoices: number;
  /** `object` differs between a chat's chunks and its whole answer. */
  readonly envelope: (streaming: boolean) => Envelope;
}

/** Sends the answer as the request wants it. Errors before the first token become a status in both cases. */
export async function sendAnswer(
  call: StreamCall,
  answer: Answer,
  { stream, ...params }: StreamParams,
): Promise<FastifyReply> {
  if (!stream) return call.reply.send(await wholeAnswer(answer));
  const chunks = await startOf(answer.run.chunks, call.timing.keepAliveMs);
  return sendEvents(call, events(answer, chunks, params));
}

async function wholeAnswer({ run, shape, numChoices, envelope }: Answer): Promise<object> {
  const parts = Array.from({ length: numChoices }, (): TextChunk[] => []);
  for await (const { index, value } of run.chunks) parts[index]?.push(value);
  const joined = parts.map(joinChunks);
  const choices = joined.map((one, index) => shape.whole(index, one));
  return { ...envelope(false), choices, usage: run.usage(), ...shape.rest?.(joined) };
}

/** The chunks of a choice as one. */
export function joinChunks(chunks: readonly TextChunk[]): TextChunk {
  return {
    text: chunks.map(({ text }) => text).join(''),
    reasoning: chunks.map(({ reasoning }) => reasoning).join(''),
    calls: chunks.flatMap(({ calls }) => calls),
    hasCalls: chunks.some(({ hasCalls }) => hasCalls),
    finishReason: chunks.at(-1)?.finishReason ?? null,
    stopReason: chunks.at(-1)?.stopReason ?? null,
    logprobs: chunks.flatMap(({ logprobs }) => logprobs),
    tokenIds: chunks.flatMap(({ tokenIds }) => tokenIds),
    promptLogprobs: chunks.find(({ promptLogprobs }) => promptLogprobs !== null)?.promptLogprobs ?? null,
  };
}

/** The chunks of an answer that has one choice. */
export async function* ofOneChoice(
  source: AsyncGenerator<Indexed<TextChunk>, void, undefined>,
): AsyncGenerator<TextChunk, void, undefined> {
  for await (const { value } of source) yield value;
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of source) values.push(value);
  return values;
}

async function* events(
  { run, shape, envelope }: Answer,
  chunks: AsyncIterable<Indexed<TextChunk>>,
  { includeUsage, continuousUsage }: Omit<StreamParams, 'stream'>,
): AsyncGenerator<object, void, undefined> {
  const head = envelope(true);
  const started = new Set<number>();
  for await (const { index, value } of chunks) {
    let told = started.size === 0 ? shape.first : {};
    const choices = shape.chunks(index, value, !started.has(index));
    started.add(index);
    for (const choice of choices) {
      const usage = continuousUsage ? run.usage() : null;
      yield { ...head, choices: [choice], ...(includeUsage ? { usage } : {}), ...told };
      told = {};
    }
  }
  if (includeUsage) yield { ...head, choices: [], usage: run.usage() };
}
