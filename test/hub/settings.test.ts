import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { hubSettings } from '#halflight/hub/settings.js';
import { refuses } from '../support/commands.js';
import { temporaryFolder } from '../support/models.js';

t.test('without variables all is where Hugging Face’s tools have it', (t) => {
  t.strictSame(hubSettings({}, '/nowhere'), {
    endpoint: 'https://huggingface.co',
    cacheDir: '/nowhere/.cache/huggingface/hub',
    token: null,
    offline: false,
    unusedProxy: null,
  });
  t.end();
});

t.test('the cache is HF_HUB_CACHE, else below HF_HOME, else below XDG_CACHE_HOME', (t) => {
  const cacheDir = (env: Record<string, string>) => hubSettings(env, '/nowhere').cacheDir;
  t.equal(cacheDir({ HF_HUB_CACHE: '/a', HF_HOME: '/b' }), '/a');
  t.equal(cacheDir({ HF_HOME: '/b', XDG_CACHE_HOME: '/c' }), '/b/hub');
  t.equal(cacheDir({ HF_HOME: '~/b' }), '/nowhere/b/hub');
  t.equal(cacheDir({ HF_HOME: '', XDG_CACHE_HOME: '/c' }), '/c/huggingface/hub');
  t.end();
});

t.test('the token is HF_TOKEN, else that of the file HF_TOKEN_PATH, else of the home', async (t) => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, '.cache/huggingface'), { recursive: true });
  await writeFile(join(home, '.cache/huggingface/token'), 'hf_home\n');
  await writeFile(join(home, 'other'), 'hf_other\n');
  const token = (env: Record<string, string>) => hubSettings(env, home).token;
  t.equal(token({ HF_TOKEN: ' hf_env\n', HF_TOKEN_PATH: '~/other' }), 'hf_env');
  t.equal(token({ HF_TOKEN: '', HF_TOKEN_PATH: '~/other' }), 'hf_other');
  t.equal(token({}), 'hf_home');
  t.equal(token({ HF_HOME: '/none' }), null);
});

t.test('a token that cannot be one is refused, and not repeated', async (t) => {
  await refuses(
    t,
    () => hubSettings({ HF_TOKEN: 'hf_a\r\nx: y' }, '/none'),
    /^HF_TOKEN: is no token: it holds a space or a letter beyond ASCII$/,
  );
  const home = await temporaryFolder(t);
  await refuses(
    t,
    () => hubSettings({ HF_TOKEN_PATH: home }),
    /^HF_TOKEN_PATH: .*: cannot be read \(EISDIR\)$/,
  );
});

t.test('the endpoint is an address of the web, its last slash left out', async (t) => {
  const endpoint = (text: string) => hubSettings({ HF_ENDPOINT: text }, '/none').endpoint;
  t.equal(endpoint('https://mirror.example/hf/'), 'https://mirror.example/hf');
  t.equal(endpoint('http://127.0.0.1:81'), 'http://127.0.0.1:81');
  for (const text of ['mirror', 'file:///etc', 'https://user:key@host', 'https://host?x'])
    await refuses(t, () => endpoint(text), /^HF_ENDPOINT: must be an address/);
});

t.test('HF_HUB_OFFLINE is on by 1, on, yes or true', (t) => {
  const offline = (text: string) => hubSettings({ HF_HUB_OFFLINE: text }, '/none').offline;
  for (const text of ['1', 'ON', 'yes', 'True']) t.ok(offline(text), text);
  for (const text of ['', '0', 'no', 'off']) t.notOk(offline(text), text);
  t.end();
});

t.test('a proxy is told of unless Node is told to take it', (t) => {
  const proxy = (env: Record<string, string>) => hubSettings(env, '/none').unusedProxy;
  t.equal(proxy({ https_proxy: 'http://p:1', ALL_PROXY: 'x' }), 'https_proxy');
  t.equal(proxy({ HTTPS_PROXY: '' }), null);
  t.equal(proxy({ HTTPS_PROXY: 'http://p:1', NODE_USE_ENV_PROXY: '1' }), null);
  t.end();
});
