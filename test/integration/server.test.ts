import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { packageVersion } from '#halflight/commands/version.js';
import { startServer } from '../support/cli.js';
import { fable } from '../support/models.js';
import { metric, post, streamText } from '../support/requests.js';

// One server for most of it: on two cores each start takes about a second.
const { cli, url } = await startServer(t);

const { prompts } = JSON.parse(readFileSync(join(fable, 'reference.json'), 'utf8')) as {
  prompts: { text: string; greedy: string }[];
};

t.test('the log is JSON where no terminal reads it, and the banner comes first', async (t) => {
  t.match(cli.stdout, /^\nhalflight is ready/);
});

/** What curl would send; a machine that runs the tests need not have curl. */
function parseCurl(line: string): { url: string; headers: Record<string, string>; body: string } {
  const [, url = '', name = '', value = '', body = ''] =
    /^curl (\S+) -H '([^:]+): ([^']+)' -d '([^']+)'$/.exec(line.trim()) ?? [];
  return { url, headers: { [name]: value }, body };
}

t.test('the banner’s curl line streams a completion', async (t) => {
  const [line] = /curl .*/.exec(cli.stdout) ?? [''];
  const { url: target, headers, body } = parseCurl(line);
  const answer = await (await fetch(target, { method: 'POST', headers, body })).text();
  const events = answer.trim().split('\n\n');
  t.equal(events.at(-1), 'data: [DONE]');
  t.ok(events.length > 30, `${events.length} events, one per token`);
  t.match(JSON.parse(String(events[0]).replace('data: ', '')), { object: 'text_completion', model: 'fable' });
});

t.test('a greedy completion is what transformers says', async (t) => {
  const [{ text, greedy }] = prompts;
  const answer = await streamText(url, { model: 'fable', prompt: text, max_tokens: 40, temperature: 0 });
  t.ok(answer.length > 50 && greedy.startsWith(answer), answer);
});

t.test('a chat goes through the template and ends with the answer', async (t) => {
  const messages = [{ role: 'user', content: 'What is the capital of France?' }];
  const answer = await post(url, '/v1/chat/completions', { model: 'fable', messages, temperature: 0 });
  const body = (await answer.json()) as {
    choices: { message: { content: string }; finish_reason: string }[];
  };
  const expected = prompts[2].greedy.split('<|im_end|>')[0];
  t.match(body.choices, [{ message: { role: 'assistant', content: expected }, finish_reason: 'stop' }]);
});

interface ToldChoice {
  readonly text: string;
  readonly logprobs: { readonly tokens: string[]; readonly token_logprobs: number[] };
  readonly prompt_logprobs: (Record<
    string,
    { logprob: number; rank: number; decoded_token: string }
  > | null)[];
}

async function told(body: object): Promise<ToldChoice> {
  const answer = await post(url, '/v1/completions', { model: 'fable', temperature: 0, ...body });
  return ((await answer.json()) as { choices: ToldChoice[] }).choices[0];
}

t.test('a greedy answer is as likely as when it is read back as a prompt', async (t) => {
  const prompt = 'Once upon a time';
  const { text, logprobs } = await told({ prompt, max_tokens: 16, logprobs: 0 });
  const read = await told({ prompt: prompt + text, max_tokens: 1, prompt_logprobs: 0 });
  const entries = read.prompt_logprobs.slice(-16).map((entry) => Object.values(entry ?? {})[0]);
  t.same(
    entries.map(({ decoded_token }) => decoded_token),
    logprobs.tokens,
  );
  t.ok(entries.every(({ rank }) => rank === 1));
  // Prefill and decode sum in different orders; where activations are f16, a logit of 10 has steps of 1/128.
  const gaps = entries.map(({ logprob }, i) => Math.abs(logprob - logprobs.token_logprobs[i]));
  t.ok(Math.max(...gaps) < 0.05, `the largest gap is ${Math.max(...gaps)}`);
});

t.test('an answer holds allowed tokens alone, and a banned word never', async (t) => {
  const allowed = await told({ prompt: 'Once', max_tokens: 8, allowed_token_ids: [300, 301], logprobs: 0 });
  t.ok(new Set(allowed.logprobs.tokens).size <= 2, allowed.text);
  const body = { prompt: 'Once upon a time', max_tokens: 40 };
  const [word = ''] = /[a-z]{3,}/.exec((await told(body)).text) ?? [];
  t.notOk((await told({ ...body, bad_words: [word] })).text.includes(` ${word} `), word);
});

t.test('models, health, version and metrics answer', async (t) => {
  const get = async (path: string) => (await fetch(`${url}${path}`)).json();
  t.match(await get('/v1/models'), { data: [{ id: 'fable', max_model_len: Number }] });
  for (const path of ['/health', '/health/ready']) t.match(await get(path), { status: 'ready' });
  t.match(await get('/health/live'), { status: 'live' });
  t.match(await get('/version'), { version: packageVersion() });
  t.ok((await metric(url, 'vllm:generation_tokens_total')) > 0);
  t.equal((await post(url, '/v1/completions', { model: 'gpt-5', prompt: 'a' })).status, 404);
});

t.test('a client that goes in mid-stream frees its KV blocks within a second', async (t) => {
  const controller = new AbortController();
  const body = {
    model: 'fable',
    prompt: 'Once upon a time',
    max_tokens: 900,
    ignore_eos: true,
    stream: true,
  };
  const answer = await post(url, '/v1/completions', body, controller.signal);
  await answer.body?.getReader().read();
  t.ok((await metric(url, 'vllm:kv_cache_usage_perc')) > 0);
  t.equal(await metric(url, 'vllm:num_requests_running'), 1);
  controller.abort();
  const deadline = performance.now() + 1000;
  while ((await metric(url, 'vllm:kv_cache_usage_perc')) > 0 && performance.now() < deadline) await sleep(20);
  t.equal(await metric(url, 'vllm:kv_cache_usage_perc'), 0);
  t.equal(await metric(url, 'vllm:num_requests_running'), 0);
});

t.test('int4 weights take the share of memory that the format says, and still answer', async (t) => {
  const int4 = await startServer(t, '--quantization', 'int4');
  const bytes = (from: string) => metric(from, 'halflight:gpu_memory_bytes', 'kind="weights"');
  const saved = (await bytes(url)) - (await bytes(int4.url));
  const { shape, layers } = linearWeights();
  // 16 bits become 4, and one f16 scale for each group of 32: 4.5. What is not a layer's matrix stays as it is.
  const expected = (layers * shape * (16 - 4.5)) / 8;
  t.ok(Math.abs(saved - expected) < 0.001 * expected, `${saved} bytes saved, ${expected} expected`);
  t.match(int4.cli.stdout, /fable \(int4-g32, \d\.\d+ MB on the device\)/);
  const body = { model: 'fable', prompt: 'Once upon a time', max_tokens: 16, temperature: 0 };
  t.match(await streamText(int4.url, body), /^[ ,a-zA-Z.]{20,}/);
});

/** Weights of a layer's matrices, from config.json. */
function linearWeights(): { layers: number; shape: number } {
  const c = JSON.parse(readFileSync(join(fable, 'config.json'), 'utf8')) as Record<string, number>;
  const attention = 2 * c.num_attention_heads * c.head_dim + 2 * c.num_key_value_heads * c.head_dim;
  return { layers: c.num_hidden_layers, shape: c.hidden_size * (attention + 3 * c.intermediate_size) };
}

t.test('a signal lets a running answer finish, and then ends the server with 0', async (t) => {
  const body = { model: 'fable', prompt: 'Once upon a time', max_tokens: 60, ignore_eos: true, stream: true };
  const answer = await post(url, '/v1/completions', body);
  cli.kill('SIGTERM');
  t.match(await answer.text(), /"finish_reason":"length"[\s\S]*data: \[DONE\]\n\n$/);
  const { code, stdout } = await cli.ended();
  t.equal(code, 0);
  const log = stdout.split('\n').filter((line) => line.startsWith('{'));
  t.match(JSON.parse(log.at(-1) ?? ''), {
    msg: 'request',
    status: 200,
    aborted: false,
    completion_tokens: 60,
  });
});

t.test('a second signal ends it at once', async (t) => {
  const { cli, url } = await startServer(t);
  const body = {
    model: 'fable',
    prompt: 'Once upon a time',
    max_tokens: 1000,
    ignore_eos: true,
    stream: true,
  };
  const answer = await post(url, '/v1/completions', body);
  cli.kill('SIGINT');
  await cli.says(/"signal":"SIGINT"/);
  cli.kill('SIGINT');
  t.match(await cli.ended(), { signal: 'SIGINT' });
  await t.rejects(answer.text());
});
