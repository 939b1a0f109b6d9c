import { spawnSync } from 'node:child_process';
import t from 'tap';
import { pageModule } from './modules.js';

interface Request {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Module {
  toRequest(settings: Readonly<Record<string, string>>, turns: readonly object[]): Request;
  toCurl(request: Request, base: string, hasKey: boolean): string;
}

const { toRequest, toCurl } = await pageModule<Module>('request.js');
const turns = [{ role: 'user', content: "It's me" }];
const STREAM = { stream: true, stream_options: { include_usage: true } };

t.test('a field that is empty is left to the server', (t) => {
  t.strictSame(toRequest({ endpoint: 'chat', model: 'fable', temperature: '', system: '' }, turns), {
    path: 'v1/chat/completions',
    body: { model: 'fable', ...STREAM, messages: turns },
  });
  t.end();
});

t.test('zero is a value', (t) => {
  const { body } = toRequest({ temperature: '0', seed: '0', stop: 'END' }, turns);
  t.strictSame([body.temperature, body.seed, body.stop], [0, 0, ['END']]);
  t.end();
});

t.test('the system prompt stands before what was said', (t) => {
  t.strictSame(toRequest({ system: 'Be brief.' }, turns).body.messages, [
    { role: 'system', content: 'Be brief.' },
    ...turns,
  ]);
  t.end();
});

t.test('a completion continues the last text alone', (t) => {
  const request = toRequest({ endpoint: 'completion', system: 'Be brief.' }, [{ content: 'a' }, ...turns]);
  t.equal(request.path, 'v1/completions');
  t.strictSame(request.body, { ...STREAM, prompt: "It's me" });
  t.end();
});

t.test('a schema holds the answer to its form, and one that is no JSON is told', (t) => {
  const { body } = toRequest({ schema: '{"type":"object"}' }, turns);
  t.strictSame(body.response_format, {
    type: 'json_schema',
    json_schema: { name: 'answer', schema: { type: 'object' } },
  });
  t.throws(() => toRequest({ schema: '{' }, turns), /The JSON schema is not valid JSON/);
  t.end();
});

t.test('a shell reads the command for curl as the request, and the key is not in it', (t) => {
  const request = toRequest({}, turns);
  const command = toCurl(request, 'http://127.0.0.1:8000/', true);
  t.match(command, '"authorization: Bearer $API_KEY"');
  const shell = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  const words = spawnSync('sh', ['-c', shell], { encoding: 'utf8', env: { API_KEY: 'k' } }).stdout.split(
    '\0',
  );
  t.equal(words[1], 'http://127.0.0.1:8000/v1/chat/completions');
  t.ok(words.includes('authorization: Bearer k'));
  t.strictSame(JSON.parse(words[words.indexOf('-d') + 1] ?? ''), request.body);
  t.notMatch(toCurl(request, 'http://127.0.0.1:8000/', false), 'authorization');
  t.end();
});
