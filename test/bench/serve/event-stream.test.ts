import t from 'tap';
import { EventStream } from '#halflight/bench/serve/event-stream.js';

t.test('events are whole whatever pieces they come in', (t) => {
  const text = ': a comment\n\ndata: {"a":1}\n\nevent: x\ndata:{"b":2}\r\n\r\ndata: [DONE]\n\n';
  for (const size of [1, 3, 7, text.length]) {
    const stream = new EventStream();
    const events: string[] = [];
    for (let at = 0; at < text.length; at += size) events.push(...stream.push(text.slice(at, at + size)));
    t.strictSame(events, ['{"a":1}', '{"b":2}', '[DONE]'], `pieces of ${size}`);
  }
  t.end();
});

t.test('an event without its end is not told', (t) => {
  t.strictSame(new EventStream().push('data: 1\n\ndata: 2\n'), ['1']);
  t.end();
});
