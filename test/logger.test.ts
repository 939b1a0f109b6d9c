import { Writable } from 'node:stream';
import t from 'tap';
import { createLogger, readableLines } from '#halflight/logger.js';
import { FakeEngine } from './support/fake-engine.js';
import { testKeys, testServer } from './support/server.js';

/** Runs the requests and gives the log's lines. */
async function logOf(
  requests: (app: ReturnType<typeof testServer>) => Promise<unknown>,
  engine = new FakeEngine(),
) {
  const lines: string[] = [];
  const destination = new Writable({
    write(piece, _encoding, done) {
      lines.push(String(piece));
      done();
    },
  });
  await requests(
    testServer({
      engine,
      apiKeys: testKeys(['canary-key']),
      logger: createLogger({ level: 'info', destination }),
    }),
  );
  return lines;
}

const headers = { authorization: 'Bearer canary-key', 'x-request-id': 'id-1' };
const post = (payload: object) =>
  ({ method: 'POST', url: '/v1/completions?canary-query', payload, headers }) as const;

t.test('writes one line per request, with its token counts', async (t) => {
  const lines = await logOf((app) => app.inject(post({ prompt: [5, 6], max_tokens: 3 })));
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0] ?? ''), {
    level: 30,
    requestId: 'id-1',
    method: 'POST',
    url: '/v1/completions',
    key: '#1',
    status: 200,
    aborted: false,
    ms: Number,
    prompt_tokens: 2,
    completion_tokens: 3,
  });
});

t.test('writes no prompt, no key and no query, whatever happens', async (t) => {
  const prompt = 'canary-prompt';
  const failing = await logOf(
    (app) => app.inject(post({ prompt, stream: true })),
    new FakeEngine({ failAfter: 1 }),
  );
  const refused = await logOf(async (app) => {
    await app.inject(post({ prompt, n: 2 }));
    await app.inject(post({ prompt, temperature: 'canary-value' }));
    await app.inject({ ...post({}), payload: '{"prompt": "canary' });
    await app.inject({ url: '/canary-free', headers: { authorization: 'Bearer canary-wrong' } });
  });
  t.equal(refused.length, 4);
  t.notMatch([...failing, ...refused].join('').replaceAll('/canary-free', ''), /canary/);
});

t.test('writes lines for people where they are asked for', async (t) => {
  const lines: string[] = [];
  const collect = new Writable({ write: (line, _encoding, done) => done(void lines.push(String(line))) });
  const logger = createLogger({ level: 'info', destination: await readableLines(collect) });
  logger.info({ status: 200 }, 'request');
  logger.debug('not asked for');
  t.match(lines, [/^\[\d\d:\d\d:\d\d\] .*INFO.*: .*request.* \{"status":200\}/]);
});
