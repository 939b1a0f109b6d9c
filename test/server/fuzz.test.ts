import fc, { type Arbitrary } from 'fast-check';
import t from 'tap';
import { junk, type Schema, valuesOf } from '../support/schema-values.js';
import { testServer } from '../support/server.js';

/** One seed, so that a failure comes again. */
const SEED = 20;
const NUM_REQUESTS = 5000;
const CHECK_EVERY = 100;

interface FuzzRequest {
  readonly url: string;
  readonly payload: object;
}

interface OpenApi {
  readonly paths: Record<
    string,
    { post?: { requestBody?: { content: { 'application/json': { schema: Schema } } } } }
  >;
}

/** What the schema cannot say of fields with several shapes. */
const SANE = {
  model: fc.constantFrom('fable', null),
  prompt: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.nat(2047)),
    fc.array(fc.string(), { maxLength: 3 }),
  ),
  tokens: fc.array(fc.nat(2047)),
  max_tokens: fc.integer({ min: 1, max: 8 }),
  max_output_tokens: fc.integer({ min: 1, max: 8 }),
  messages: fc.array(
    fc.record({ role: fc.constantFrom('user', 'assistant'), content: fc.string({ unit: 'binary' }) }),
    { minLength: 1, maxLength: 3 },
  ),
};

/** Requests of every route that takes a body: a third proper, a third as the schema allows, a third with a few fields of junk. */
function requests({ paths }: OpenApi): Arbitrary<FuzzRequest> {
  const ofRoutes = Object.entries(paths).flatMap(([url, { post }]) => {
    const schema = post?.requestBody?.content['application/json'].schema;
    return schema === undefined ? [] : [bodies(schema).map((payload) => ({ url, payload }))];
  });
  return fc.oneof(...ofRoutes);
}

function bodies(schema: Schema): Arbitrary<object> {
  const names = Object.keys(schema.properties ?? {});
  const allowed = valuesOf(schema) as Arbitrary<object>;
  const known = Object.entries(SANE).filter(([name]) => names.includes(name));
  const sane = fc.record(Object.fromEntries(known));
  const keys = fc.constantFrom(...names, '__proto__', 'constructor', 'unknown', 'response_format');
  const wrong = fc.dictionary(keys, junk, { maxKeys: 4 });
  return fc.oneof(
    fc.tuple(allowed, sane).map(([rest, proper]) => ({ ...rest, ...proper })),
    allowed,
    fc.tuple(allowed, sane, wrong).map(([rest, proper, bad]) => ({ ...rest, ...proper, ...bad })),
  );
}

t.test('answers any body of any route with a proper answer or a four-key refusal, and goes on', async (t) => {
  const app = testServer({ maxQueued: 1000 });
  const openApi = (await app.inject('/openapi.json')).json<OpenApi>();
  const statuses = new Map<number, number>();
  let count = 0;
  const answersStill = async () => {
    const payload = { prompt: 'Hi', max_tokens: 2 };
    return (await app.inject({ method: 'POST', url: '/v1/completions', payload })).statusCode === 200;
  };
  await fc.assert(
    fc.asyncProperty(requests(openApi), async ({ url, payload }) => {
      const reply = await app.inject({ method: 'POST', url, payload });
      statuses.set(reply.statusCode, (statuses.get(reply.statusCode) ?? 0) + 1);
      if (++count % CHECK_EVERY === 0 && !(await answersStill())) return false;
      if (reply.statusCode === 200) return !reply.body.includes('internal_error');
      const keys = Object.keys(reply.json().error).sort().join();
      return reply.statusCode < 500 && keys === 'code,message,param,type';
    }),
    { seed: SEED, numRuns: NUM_REQUESTS },
  );
  t.ok((statuses.get(200) ?? 0) > NUM_REQUESTS / 10, `${statuses.get(200)} were answered`);
  t.ok((statuses.get(400) ?? 0) > NUM_REQUESTS / 10, `${statuses.get(400)} were refused`);
});

t.test('answers any bytes', async (t) => {
  const app = testServer();
  const check = fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const reply = await app.inject({
        method: 'POST',
        url: '/v1/completions',
        payload: Buffer.from(bytes),
        headers: { 'content-type': 'application/json' },
      });
      return reply.statusCode < 500;
    }),
    { seed: SEED, numRuns: 200 },
  );
  await t.resolves(check);
});
