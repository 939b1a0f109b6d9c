import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import t from 'tap';
import { whenClosed } from '#halflight/server/closing.js';

/** A response as far as its connection's end is concerned. */
class Response extends EventEmitter {
  closed = false;

  close(): void {
    this.closed = true;
    this.emit('close');
  }
}

const replyOf = (raw: Response) => ({ raw: raw as object as ServerResponse });

t.test('work is done once, when the connection closes', (t) => {
  const raw = new Response();
  let times = 0;
  whenClosed(replyOf(raw), () => times++);
  t.equal(times, 0);
  raw.close();
  raw.emit('close');
  t.equal(times, 1);
  t.end();
});

t.test('work is done at once where the connection has closed already', (t) => {
  const raw = new Response();
  raw.close();
  let times = 0;
  whenClosed(replyOf(raw), () => times++);
  t.equal(times, 1);
  t.end();
});
