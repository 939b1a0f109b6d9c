import t from 'tap';
import { OutputQueue, type QueueBound } from '#halflight/engine/output-queue.js';
import type { TokenOutput } from '#halflight/engine/types.js';

const token = (tokenId: number): TokenOutput => ({
  tokenId,
  finishReason: null,
  timeMs: 0,
  prompt: { numCachedTokens: 0, queueMs: 0, prefillMs: 0 },
});

const UNBOUNDED: QueueBound<TokenOutput> = {
  capacity: Number.POSITIVE_INFINITY,
  weigh: () => 1,
  onFull: () => undefined,
  onEmpty: () => undefined,
};

t.test('tokens come in order, whether they or their reader came first', async (t) => {
  const queue = new OutputQueue<TokenOutput>(UNBOUNDED);
  queue.push(token(1));
  queue.push(token(2));
  t.match(await queue.next(), { tokenId: 1 });
  t.match(await queue.next(), { tokenId: 2 });
  const waiting = queue.next();
  queue.push(token(3));
  queue.push(token(4));
  t.match(await waiting, { tokenId: 3 });
  t.match(await queue.next(), { tokenId: 4 });
});

t.test('an abort drops what is queued and ends the reading for good', async (t) => {
  const queue = new OutputQueue<TokenOutput>(UNBOUNDED);
  queue.push(token(1));
  queue.abort();
  t.equal(await queue.next(), null);
  t.equal(await queue.next(), null);
});

t.test('an abort and a failure wake a reader that waits', async (t) => {
  const [aborted, failed] = [
    new OutputQueue<TokenOutput>(UNBOUNDED),
    new OutputQueue<TokenOutput>(UNBOUNDED),
  ];
  const [ended, rejected] = [aborted.next(), failed.next()];
  aborted.abort();
  failed.fail(new Error('lost'));
  t.equal(await ended, null);
  await t.rejects(rejected, { message: 'lost' });
});

t.test('a failure comes after the tokens before it, and stays the first one', async (t) => {
  const queue = new OutputQueue<TokenOutput>(UNBOUNDED);
  queue.push(token(1));
  queue.fail(new Error('first'));
  queue.fail(new Error('second'));
  t.match(await queue.next(), { tokenId: 1 });
  await t.rejects(queue.next(), { message: 'first' });
  await t.rejects(queue.next(), { message: 'first' });
});

t.test('a reader that has aborted is not told of a failure', async (t) => {
  const queue = new OutputQueue<TokenOutput>(UNBOUNDED);
  queue.fail(new Error('lost'));
  queue.abort();
  t.equal(await queue.next(), null);
});

t.test(
  'tells once when it holds more than its capacity, and once when its reader has caught up',
  async (t) => {
    const told: string[] = [];
    const queue = new OutputQueue<TokenOutput>({
      capacity: 5,
      weigh: ({ tokenId }) => tokenId,
      onFull: () => told.push('full'),
      onEmpty: () => told.push('empty'),
    });
    queue.push(token(3));
    queue.push(token(2));
    t.same(told, []);
    queue.push(token(1));
    queue.push(token(9));
    t.same(told, ['full']);
    for (let i = 0; i < 3; i++) await queue.next();
    t.same(told, ['full']);
    await queue.next();
    t.same(told, ['full', 'empty']);
    queue.push(token(6));
    t.same(told, ['full', 'empty', 'full']);
  },
);
