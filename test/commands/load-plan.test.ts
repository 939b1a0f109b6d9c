import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { findTarget, goodputOf, makePlan } from '#halflight/commands/load-plan.js';
import { LOAD_OPTIONS } from '#halflight/commands/options.js';
import { parseLine } from '#halflight/config.js';
import { refuses } from '../support/commands.js';
import { closedUrl, target } from '../support/load.js';
import { temporaryFolder } from '../support/models.js';
import { startToy } from '../support/toy-server.js';

const OFFER = { numPrompts: 4, requestRate: 2, maxConcurrency: null };
const values = (...args: string[]) => parseLine(args, LOAD_OPTIONS).values;

t.test('the model is the first that the server lists, unless named', async (t) => {
  const { url } = await startToy(t, () => ({ ttftMs: 0, itlMs: 0, numTokens: 1 }));
  t.match(await findTarget(values('--base-url', `${url}/v1/`)), { baseUrl: url, model: 'toy', apiKey: null });
  t.match(await findTarget(values('--base-url', 'http://127.0.0.1:1', '--model', 'm', '--api-key', 'k')), {
    model: 'm',
    apiKey: 'k',
    timeoutMs: 600_000,
  });
});

t.test('a server that is not there is told with its address', async (t) => {
  const url = await closedUrl();
  await refuses(
    t,
    () => findTarget(values('--base-url', url)),
    /^--base-url: http:\/\/127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\); start a server there/,
  );
  await refuses(t, () => findTarget(values('--base-url', 'ftp://x')), /^--base-url: "ftp:\/\/x" is no URL/);
});

t.test('a plan has the prompts, their times and the warm-ups, the same for a seed at any rate', async (t) => {
  const one = await makePlan(target('http://x'), values('--seed', '5'), OFFER);
  t.equal(one.requests.length, 4);
  t.equal(one.warmups.length, 1);
  t.ok(Math.abs(one.arrivalsMs[3] - 1500) < 1e-6);
  const other = await makePlan(target('http://x'), values('--seed', '5'), { ...OFFER, requestRate: 50 });
  t.strictSame(other.requests, one.requests);
  const third = await makePlan(target('http://x'), values('--seed', '6'), OFFER);
  t.strictNotSame(third.requests, one.requests);
});

t.test('each dataset gives prompts', async (t) => {
  const dir = await temporaryFolder(t);
  const file = join(dir, 'prompts.jsonl');
  await writeFile(file, '{"prompt":"a"}\n{"prompt":"b"}\n');
  for (const dataset of ['random', 'bundled', 'prefix', file]) {
    const { requests } = await makePlan(target('http://x'), values('--dataset', dataset), OFFER);
    t.equal(requests.length, 4, dataset);
  }
  await writeFile(file, '{"prompt":"a"}\n{}\n');
  const plan = (dataset: string) => makePlan(target('http://x'), values('--dataset', dataset), OFFER);
  await refuses(t, () => plan(file), /^--dataset: .*: entry 2 has none of "prompt"/);
  await refuses(t, () => plan('/nowhere.jsonl'), /^--dataset: \/nowhere\.jsonl: no such file/);
  await refuses(t, () => plan('shakespeare'), /^--dataset: "shakespeare" is none of random, bundled, prefix/);
});

t.test('limits may follow --goodput as words of their own, nothing else may', async (t) => {
  t.strictSame(goodputOf(values('--goodput', 'ttft:5'), ['tpot:6'], 'bench serve'), { ttft: 5, tpot: 6 });
  t.equal(goodputOf(values(), [], 'bench serve'), null);
  await refuses(
    t,
    () => goodputOf(values(), ['now'], 'bench serve'),
    /^bench serve: takes no argument, but got now/,
  );
  await refuses(
    t,
    () => goodputOf(values(), ['ttft:5'], 'bench serve'),
    /^bench serve: ttft:5 goes after --goodput/,
  );
});
