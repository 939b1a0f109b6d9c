const DATA = 'data: ';

/**
 * The parsed `data:` lines of a stream of server-sent events, up to `[DONE]`. Comments are skipped.
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @returns {AsyncGenerator<any, void, undefined>}
 */
export async function* readEvents(body) {
  for await (const line of readLines(body)) {
    if (!line.startsWith(DATA)) continue;
    const data = line.slice(DATA.length);
    if (data === '[DONE]') return;
    yield JSON.parse(data);
  }
}

/** @param {ReadableStream<Uint8Array<ArrayBuffer>>} body */
async function* readLines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
