import t from 'tap';
import { pageModule } from './modules.js';

const { readEvents } = await pageModule<{
  readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown>;
}>('sse.js');

t.test('events are read whole wherever the network cuts them, within a character too', async (t) => {
  const bytes = new TextEncoder().encode(
    ': keep-alive\n\ndata: {"a":"é"}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
  );
  for (let size = 1; size <= bytes.length; size++)
    t.strictSame(await read(bytes, size), [{ a: 'é' }, { b: 2 }]);
});

async function read(bytes: Uint8Array, size: number): Promise<unknown[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.subarray(i, i + size));
      controller.close();
    },
  });
  const events: unknown[] = [];
  for await (const event of readEvents(body)) events.push(event);
  return events;
}
