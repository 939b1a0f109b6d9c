import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { COMMANDS } from '#halflight/commands/commands.js';
import { optionTable } from '#halflight/commands/help.js';
import { SERVE_OPTIONS } from '#halflight/commands/options.js';
import { variableOf, withSettings } from '#halflight/commands/settings.js';
import { OPTIONS, parseLine } from '#halflight/config.js';
import { refuses } from '../support/commands.js';
import { root } from '../support/paths.js';

const SERVE = { options: SERVE_OPTIONS, takesModel: true };

async function configFile(t: Test, content: unknown): Promise<string> {
  const file = join(t.testdir(), 'config.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function settled(args: readonly string[], env: Record<string, string> = {}) {
  return parseLine(withSettings(args, SERVE, env), SERVE_OPTIONS);
}

t.test('the command line goes before the environment, and that before the file', async (t) => {
  const file = await configFile(t, { port: 1, 'max-num-seqs': 1, 'top-p': 0.5, 'sse-keepalive': 1 });
  const { values } = settled(['--config', file, '--port', '3'], {
    HALFLIGHT_PORT: '2',
    HALFLIGHT_MAX_NUM_SEQS: '2',
  });
  t.match(values, { port: 3, 'max-num-seqs': 2, 'sse-keepalive': 1, host: '127.0.0.1' });
});

t.test('a list in one place replaces that in the next', async (t) => {
  const file = await configFile(t, { 'api-key': ['file', 'other'] });
  t.strictSame(settled(['--config', file]).values['api-key'], ['file', 'other']);
  const env = { HALFLIGHT_CONFIG: file, HALFLIGHT_API_KEY: 'a, b' };
  t.strictSame(settled([], env).values['api-key'], ['a', 'b']);
  t.strictSame(settled(['--api-key', 'line'], env).values['api-key'], ['line']);
});

t.test('a switch can be turned off by the environment, against the file', async (t) => {
  const file = await configFile(t, { 'require-gpu': true });
  const on = (env: Record<string, string>) => settled(['--config', file], env).values['require-gpu'];
  t.equal(on({}), true);
  t.equal(on({ HALFLIGHT_REQUIRE_GPU: '' }), true, 'what is empty is not set');
  t.equal(on({ HALFLIGHT_REQUIRE_GPU: '1' }), true);
  t.equal(settled([], { HALFLIGHT_REQUIRE_GPU: '0' }).values['require-gpu'], false);
});

t.test('a model is taken from the settings where the line names none', async (t) => {
  t.strictSame(settled([], { HALFLIGHT_MODEL: 'org/a' }).positionals, ['org/a']);
  t.strictSame(settled(['b'], { HALFLIGHT_MODEL: 'org/a' }).positionals, ['b']);
  t.strictSame(settled(['--model-config', 'f'], { HALFLIGHT_MODEL: 'org/a' }).positionals, []);
  const file = await configFile(t, { model: ['a', 'b'] });
  t.strictSame(settled(['--config', file]).positionals, ['a', 'b']);
});

t.test('a mistake names the variable, or the file and the key', async (t) => {
  await refuses(
    t,
    () => settled([], { HALFLIGHT_PORT: 'tcp://10.0.0.1:8000' }),
    /^HALFLIGHT_PORT: "tcp:.* is not a whole/,
  );
  await refuses(t, () => settled([], { HALFLIGHT_REQUIRE_GPU: 'maybe' }), /^HALFLIGHT_REQUIRE_GPU: a switch/);
  await refuses(t, () => settled(['--config', '/nowhere.json']), /^--config: \/nowhere\.json: ENOENT/);
  for (const [content, problem] of [
    ['{"port": 1', /config\.json: .*JSON/],
    ['[1]', /must be an object/],
    [{ bogus: 1 }, /bogus: no such option/],
    [{ port: 'x' }, /port: "x" is not a whole number/],
    [{ port: { a: 1 } }, /port: must be a string/],
  ] as const) {
    const file = await configFile(t, content);
    await refuses(t, () => settled(['--config', file]), problem);
  }
});

t.test('a mistake on the line itself is left for its parser to tell', async (t) => {
  await refuses(t, () => settled(['--bogus']), /^--bogus: no such option/);
});

t.test('no two options have one variable', (t) => {
  const names = Object.keys(OPTIONS);
  t.equal(new Set(names.map(variableOf)).size, names.length);
  t.equal(variableOf('max-num-seqs'), 'HALFLIGHT_MAX_NUM_SEQS');
  t.end();
});

t.test('docs/configuration.md has every option as the code has it: npm run docs:configuration', (t) => {
  const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8');
  t.strictSame(page.slice(page.indexOf('| option |')).trimEnd().split('\n'), optionTable(COMMANDS));
  t.end();
});
