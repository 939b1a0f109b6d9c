import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { EngineHost } from '#halflight/engine/host.js';
import type { EngineEvent } from '#halflight/engine/protocol.js';
import { badGrammar, FAKE_GRAMMAR, FakeGrammars, MaskedRunner } from '../support/fake-grammars.js';
import { expectedAnswer, FakeRunner, fakeModel, fakeRequest } from '../support/fake-runner.js';

const SHAPE = { numBlocks: 64, blockSize: 16, maxModelLen: 512 };
const OPTIONS = {
  maxNumSeqs: 4,
  maxNumBatchedTokens: 32,
  prefixCaching: true,
  asyncScheduling: true,
  numSpeculativeTokens: 0,
  maxPrefillMsPerStep: null,
  stepTimeoutMs: 1_000,
};

function createHost() {
  const runner = new FakeRunner(SHAPE);
  const events: EngineEvent[] = [];
  const host = new EngineHost(fakeModel(SHAPE, runner), OPTIONS, (event) => events.push(event));
  const until = async (type: EngineEvent['type']): Promise<void> => {
    for (let waited = 0; !events.some((event) => event.type === type); waited += 2) {
      if (waited > 4_000) throw new Error(`no ${type} event came in 4 s`);
      await sleep(2);
    }
  };
  const tokens = (id: string): number[] =>
    events
      .flatMap((event) => (event.type === 'step' ? event.outputs : []))
      .flatMap((output) => (output.id === id ? output.tokenIds : []));
  return { runner, events, host, until, tokens };
}

t.test('each step is one event with the tokens of all its sequences', async (t) => {
  const { events, host, tokens } = createHost();
  const requests = [fakeRequest('a', [1, 2], { maxTokens: 5 }), fakeRequest('b', [3], { maxTokens: 5 })];
  host.handle(requests.map((request) => ({ type: 'add', request })));
  while (events.length < 5) await sleep(2);
  await host.close();
  t.same(
    events.map(({ type }) => type),
    Array(5).fill('step'),
  );
  for (const request of requests) {
    t.same(tokens(request.id), expectedAnswer(request, SHAPE.maxModelLen).tokenIds);
  }
});

t.test('a request that the core refuses is an event of its own, and the others run', async (t) => {
  const { events, host, until, tokens } = createHost();
  host.handle([
    { type: 'add', request: fakeRequest('bad', []) },
    { type: 'add', request: fakeRequest('good', [1], { maxTokens: 1 }) },
  ]);
  t.match(events, [{ type: 'refused', id: 'bad', error: { kind: 'api', code: 'invalid_value' } }]);
  await until('step');
  await host.close();
  t.equal(tokens('good').length, 1);
});

t.test('an abort that leaves no work reports the counters, for no step will', async (t) => {
  const { events, host, runner } = createHost();
  host.handle([
    { type: 'add', request: fakeRequest('a', [1]) },
    { type: 'abort', id: 'a' },
  ]);
  t.match(events, [{ type: 'stats', stats: { numRunning: 0, numWaiting: 0, kvUsage: 0 } }]);
  host.handle([{ type: 'abort', id: 'unknown' }]);
  await host.close();
  t.equal(runner.numRuns, 0);
});

t.test('a lost device fails the host, once', async (t) => {
  const { events, host, until, runner } = createHost();
  runner.lose(new Error('the device was lost'));
  await until('failed');
  host.handle([{ type: 'add', request: fakeRequest('a', [1]) }]);
  await host.close();
  t.equal(events.filter(({ type }) => type === 'failed').length, 1);
  t.match(events[0], { type: 'failed', error: { message: 'the device was lost' } });
  t.match(events[1], { type: 'refused', id: 'a', error: { code: 'engine_failed' } });
});

t.test('closing waits for the step that runs before it destroys the runner', async (t) => {
  const { host, runner } = createHost();
  const run = runner.run.bind(runner);
  let destroyedInStep: boolean | null = null;
  runner.run = async (batch) => {
    await sleep(20);
    destroyedInStep = runner.destroyed;
    return run(batch);
  };
  host.handle([{ type: 'add', request: fakeRequest('a', [1]) }]);
  await sleep(5);
  await host.close();
  t.equal(destroyedInStep, false);
  t.ok(runner.destroyed);
});

t.test('a grammar that is none is an event of its own, and grammars close with the host', async (t) => {
  const grammars = new FakeGrammars(badGrammar);
  const events: EngineEvent[] = [];
  const model = fakeModel(SHAPE, new FakeRunner(SHAPE));
  const host = new EngineHost(model, { ...OPTIONS, grammars }, (event) => events.push(event));
  host.handle([{ type: 'add', request: fakeRequest('a', [1], { grammar: FAKE_GRAMMAR }) }]);
  while (!events.some(({ type }) => type === 'refused')) await sleep(2);
  t.match(events.at(-1), {
    type: 'refused',
    id: 'a',
    error: { kind: 'api', code: 'invalid_grammar', param: 'x' },
  });
  await host.close();
  t.ok(grammars.isClosed);
});

t.test('a request whose grammar was compiled wakes the loop', async (t) => {
  const model = fakeModel(SHAPE, new MaskedRunner(SHAPE));
  const events: EngineEvent[] = [];
  const grammars = new FakeGrammars(async () => {
    await sleep(5);
    return [7];
  });
  const host = new EngineHost(model, { ...OPTIONS, grammars }, (event) => events.push(event));
  host.handle([{ type: 'add', request: fakeRequest('a', [1], { maxTokens: 2, grammar: FAKE_GRAMMAR }) }]);
  while (events.filter(({ type }) => type === 'step').length < 2) await sleep(2);
  await host.close();
  t.match(events.at(-1), { type: 'step', outputs: [{ tokenIds: [7], finishReason: 'length' }] });
});
