import t from 'tap';
import { type ModelEntry, ModelRegistry, type RegistryOptions } from '#halflight/server/models.js';
import { PLAIN_OUTPUT } from '#halflight/text/output/formats.js';
import { FakeEngine } from '../support/fake-engine.js';
import { testServer, tokenizer } from '../support/server.js';

const BYTES = 3030;

interface Fake {
  readonly registry: ModelRegistry;
  /** Models as they were loaded, and with a minus as they were unloaded. */
  readonly log: string[];
  readonly engines: FakeEngine[];
  readonly free: (number | null)[];
}

/** Models a, b and c, of which each takes `BYTES`. */
function models(options: Partial<RegistryOptions> = {}, load?: ModelEntry['load']): Fake {
  const log: string[] = [];
  const engines: FakeEngine[] = [];
  const free: (number | null)[] = [];
  const entries = ['a', 'b', 'c'].map((name): ModelEntry => {
    const ownLoad = async (freeBytes: number | null) => {
      log.push(name);
      free.push(freeBytes);
      const engine = new FakeEngine();
      engine.close = async () => void log.push(`-${name}`);
      engines.push(engine);
      return { engine, tokenizer, template: null, output: PLAIN_OUTPUT };
    };
    return { names: [name, `${name}2`], root: `/${name}`, neededBytes: BYTES, load: load ?? ownLoad };
  });
  const registry = new ModelRegistry(entries, {
    maxQueued: 8,
    memoryLimitBytes: null,
    maxLoaded: 10,
    ...options,
  });
  return { registry, log, engines, free };
}

async function use(registry: ModelRegistry, name: string): Promise<void> {
  (await registry.lease(name)).release();
}

t.test('a model is loaded when it is first asked for, once for all who ask', async (t) => {
  const { registry, log } = models();
  const leases = await Promise.all(['a', 'a2', null].map((name) => registry.lease(name)));
  t.strictSame(log, ['a']);
  t.strictSame(
    leases.map(({ name }) => name),
    ['a', 'a2', 'a'],
    'who names none gets the first',
  );
  t.equal(leases[0].model, leases[1].model);
});

t.test('a name that nobody has is refused with those that are there', async (t) => {
  const { registry, log } = models();
  await t.rejects(registry.lease('x'), { code: 'model_not_found', param: 'model', message: /a, a2, b, b2/ });
  t.strictSame(log, []);
});

t.test('where only some fit at once, the one that was not used for longest goes', async (t) => {
  for (const limits of [{ maxLoaded: 2 }, { memoryLimitBytes: 2 * BYTES + 1 }]) {
    const { registry, log } = models(limits);
    for (const name of ['a', 'b', 'a', 'c', 'b']) await use(registry, name);
    t.strictSame(log, ['a', 'b', '-b', 'c', '-a', 'b'], JSON.stringify(limits));
  }
});

t.test('a model that answers is never unloaded: the other is refused until it has ended', async (t) => {
  const { registry, log } = models({ maxLoaded: 1 });
  const lease = await registry.lease('a');
  await t.rejects(registry.lease('b'), { code: 'model_unavailable', status: 503, retryAfterSeconds: 5 });
  lease.release();
  lease.release();
  await use(registry, 'b');
  t.strictSame(log, ['a', '-a', 'b']);
});

t.test('what a model may take is what the others leave', async (t) => {
  const { registry, free } = models({ memoryLimitBytes: 10_000 });
  await use(registry, 'a');
  await use(registry, 'b');
  t.strictSame(free, [10_000, 10_000 - BYTES]);
});

t.test('a model that cannot be loaded fails its request, and is tried again by the next', async (t) => {
  let tries = 0;
  const { registry } = models({}, async () => {
    tries += 1;
    throw new Error('broken');
  });
  await t.rejects(registry.lease('a'), /broken/);
  await t.rejects(registry.lease('a'), /broken/);
  t.equal(tries, 2);
});

t.test('lists every name, and lengths once they are known', async (t) => {
  const { registry } = models();
  t.match(registry.list()[0], { id: 'a', root: '/a', maxModelLen: null });
  await use(registry, 'a');
  t.match(registry.list()[1], { id: 'a2', root: '/a', maxModelLen: 128 });
  t.equal(registry.list().length, 6);
});

t.test('an engine that fails is told, and closing closes all that are loaded', async (t) => {
  const { registry, engines, log } = models();
  await use(registry, 'a');
  await use(registry, 'b');
  engines[1].fail();
  t.match(await registry.failed, Error);
  await registry.close();
  t.strictSame(log, ['a', 'b', '-a', '-b']);
});

t.test('requests reach the model that they name, and each has its own series in the metrics', async (t) => {
  const { registry, engines } = models();
  const app = testServer({ models: registry });
  t.teardown(() => app.close());
  for (const model of ['b', 'c', 'b2']) {
    const reply = await app.inject({
      method: 'POST',
      url: '/v1/completions',
      payload: { model, prompt: 'Hi', max_tokens: 2 },
    });
    t.match(reply.json(), { model, choices: [{ finish_reason: 'length' }] });
  }
  t.strictSame(
    engines.map(({ requests }) => requests.length),
    [0, 2, 1],
  );
  const { body } = await app.inject('/metrics');
  t.match(body, /vllm:generation_tokens_total\{model_name="b",engine="0"\} 4/);
  t.match(body, /vllm:generation_tokens_total\{model_name="c",engine="0"\} 2/);
  t.equal(body.match(/# TYPE vllm:generation_tokens_total/g)?.length, 1);
});

t.test('a model that cannot be loaded is told without its files', async (t) => {
  const { registry } = models({}, async () => {
    throw new Error('/home/me/model.safetensors: broken');
  });
  const app = testServer({ models: registry });
  t.teardown(() => app.close());
  const reply = await app.inject({ method: 'POST', url: '/v1/completions', payload: { prompt: 'Hi' } });
  t.equal(reply.statusCode, 503);
  t.match(reply.json(), { error: { code: 'model_unavailable', param: 'model' } });
  t.notMatch(reply.body, /safetensors/);
});

t.test('a lease lasts as long as its request', async (t) => {
  const { registry, log } = models({ maxLoaded: 1 });
  const app = testServer({ models: registry });
  t.teardown(() => app.close());
  const post = (model: string, more = {}) =>
    app.inject({ method: 'POST', url: '/v1/completions', payload: { model, prompt: 'Hi', ...more } });
  t.equal((await post('a')).statusCode, 200);
  t.equal((await post('a', { prompt: [] })).statusCode, 400);
  t.equal((await post('b')).statusCode, 200);
  t.strictSame(log, ['a', '-a', 'b']);
});

t.test('adapters are models of their own name, on the model that they are of', async (t) => {
  const engine = new FakeEngine();
  const load = async () => ({ engine, tokenizer, template: null, output: PLAIN_OUTPUT });
  const adapters = [
    { name: 'poet', root: '/poet' },
    { name: 'lawyer', root: '/lawyer' },
  ];
  const entry: ModelEntry = { names: ['a'], adapters, root: '/a', neededBytes: 0, load };
  const registry = new ModelRegistry([entry], { maxQueued: 8, memoryLimitBytes: null, maxLoaded: 1 });
  t.match(registry.list(), [
    { id: 'a', root: '/a', parent: null },
    { id: 'poet', root: '/poet', parent: 'a' },
    { id: 'lawyer', root: '/lawyer', parent: 'a' },
  ]);
  const numbers: (number | undefined)[] = [];
  for (const name of ['a', 'poet', 'lawyer', null]) {
    const { model, release } = await registry.lease(name);
    numbers.push(model.adapter);
    release();
  }
  t.strictSame(numbers, [undefined, 1, 2, undefined]);
  const app = testServer({ models: registry });
  for (const model of ['lawyer', 'a']) {
    await app.inject({
      method: 'POST',
      url: '/v1/completions',
      payload: { model, prompt: 'Hi', max_tokens: 1 },
    });
  }
  t.strictSame(
    engine.requests.map(({ adapter }) => adapter),
    [2, undefined],
  );
  t.match((await app.inject({ url: '/metrics' })).body, /vllm:lora_requests_info\{.*max_lora="2"/);
});
