import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TextChunk } from './generation.js';
import type { Indexed } from './merge.js';
import type { StreamParams } from './params.js';
import type { Run } from './run.js';
import { sendEvents, startOf } from './sse.js';

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
  readonly whole: (index: number, text: string, finishReason: string | null) => object;
  /** @param isFirst whether this is the choice's first chunk */
  readonly chunk: (index: number, chunk: TextChunk, isFirst: boolean) => object;
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
  call: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  answer: Answer,
  { stream, includeUsage }: StreamParams,
): Promise<FastifyReply> {
  if (!stream) return call.reply.send(await wholeAnswer(answer));
  const chunks = await startOf(answer.run.chunks);
  return sendEvents(call.request, call.reply, events(answer, chunks, includeUsage));
}

async function wholeAnswer({ run, shape, numChoices, envelope }: Answer): Promise<object> {
  const texts = new Array<string>(numChoices).fill('');
  const reasons = new Array<string | null>(numChoices).fill(null);
  for await (const { index, value } of run.chunks) {
    texts[index] += value.text;
    reasons[index] = value.finishReason;
  }
  const choices = texts.map((text, index) => shape.whole(index, text, reasons[index] ?? null));
  return { ...envelope(false), choices, usage: run.usage() };
}

async function* events(
  { run, shape, envelope }: Answer,
  chunks: AsyncIterable<Indexed<TextChunk>>,
  includeUsage: boolean,
): AsyncGenerator<object, void, undefined> {
  const head = envelope(true);
  const started = new Set<number>();
  for await (const { index, value } of chunks) {
    const choices = [shape.chunk(index, value, !started.has(index))];
    started.add(index);
    yield { ...head, choices, ...(includeUsage ? { usage: null } : {}) };
  }
  if (includeUsage) yield { ...head, choices: [], usage: run.usage() };
}
