import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';

/** What the toy does with a request: delays in ms, or how it fails. */
export interface ToyAnswer {
  readonly ttftMs: number;
  readonly itlMs: number;
  readonly numTokens: number;
  readonly failure?: 'refused' | 'cut off' | 'silent' | 'error in the stream' | 'no usage' | 'no text';
}

export interface ToyServer {
  readonly url: string;
  /** Bodies of the requests, in the order in which they came. */
  readonly bodies: readonly Readonly<Record<string, unknown>>[];
  /** When texts were written, ms after their request came. */
  readonly written: readonly (readonly number[])[];
}

export const TOY_PROMPT_TOKENS = 7;

/** Speaks just enough of the OpenAI API, and takes exactly as long as it is told. */
export async function startToy(t: Test, answerOf: (index: number) => ToyAnswer): Promise<ToyServer> {
  const bodies: Record<string, unknown>[] = [];
  const written: number[][] = [];
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.end(JSON.stringify({ data: [{ id: 'toy' }] }));
      return;
    }
    const startMs = performance.now();
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      const index = bodies.push(JSON.parse(text) as Record<string, unknown>) - 1;
      const times: number[] = [];
      written[index] = times;
      void write(response, answerOf(index), startMs, times);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies, written };
}

async function write(
  response: ServerResponse,
  { ttftMs, itlMs, numTokens, failure }: ToyAnswer,
  startMs: number,
  times: number[],
): Promise<void> {
  if (failure === 'silent') return;
  if (failure === 'refused') {
    response.writeHead(429).end('{"error":{}}');
    return;
  }
  response.socket?.setNoDelay(true);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (event: object) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  // An event without text, as a server may send one at once, is no token.
  send({ choices: [{ text: '' }] });
  for (let i = 0; i < numTokens; i++) {
    await until(startMs + ttftMs + i * itlMs);
    if (failure === 'cut off' && i === 1) {
      response.destroy();
      return;
    }
    if (failure === 'error in the stream' && i === 1) send({ error: { message: 'no' } });
    times.push(performance.now() - startMs);
    send({ choices: [{ text: failure === 'no text' ? '' : 'a' }] });
  }
  send({ choices: [{ text: '', finish_reason: 'length' }] });
  if (failure !== 'no usage')
    send({ choices: [], usage: { prompt_tokens: TOY_PROMPT_TOKENS, completion_tokens: numTokens } });
  response.end('data: [DONE]\n\n');
}

/** Timers are good to 1 ms; the rest is waited out. */
async function until(atMs: number): Promise<void> {
  const leftMs = atMs - performance.now();
  if (leftMs > 3) await sleep(leftMs - 3);
  while (performance.now() < atMs) await setImmediate();
}
