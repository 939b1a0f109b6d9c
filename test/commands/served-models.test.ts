import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { neededBytes, servedSources } from '#halflight/commands/served-models.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { refuses } from '../support/commands.js';
import { fable } from '../support/models.js';
import { fixture } from '../support/paths.js';

const tiny = fixture('tiny/llama');

function configFile(t: Test, content: unknown): string {
  const file = join(t.testdir(), 'models.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

t.test('one model carries all names, several one each', async (t) => {
  t.match(await servedSources([]), [{ dir: fable, names: ['fable'] }]);
  const one = await servedSources([fable, '--served-model-name', 'a', '--served-model-name', 'b']);
  t.match(one, [{ dir: fable, names: ['a', 'b'] }]);
  t.match(await servedSources([fable, tiny]), [{ names: ['fable'] }, { dir: tiny }]);
  const two = await servedSources([fable, tiny, '--served-model-name', 'a', '--served-model-name', 'b']);
  t.strictSame(
    two.map(({ names }) => names),
    [['a'], ['b']],
  );
});

t.test('names that do not tell the models apart are refused', async (t) => {
  await refuses(t, () => servedSources([fable, fable]), /^--served-model-name: fable is the name of two/);
  const tooMany = [fable, tiny, '--served-model-name', 'a'];
  await refuses(t, () => servedSources(tooMany), /^--served-model-name: 1 for 2 models; give one each/);
});

t.test('a file lists models with names and options of their own', async (t) => {
  const models = [
    { model: fable, name: 'a', quantization: 'int4', 'max-model-len': 64, 'no-autotune': true },
    { model: tiny, names: ['b', 'c'] },
  ];
  const file = configFile(t, { models });
  const sources = await servedSources(['--model-config', file, '--max-model-len', '32']);
  t.strictSame(
    sources.map(({ names }) => names),
    [['a'], ['b', 'c']],
  );
  t.match(sources[0].values, { quantization: 'int4', 'max-model-len': 64, 'no-autotune': true });
  t.match(sources[1].values, { quantization: null, 'max-model-len': 32, 'no-autotune': false });
});

t.test('an entry turns off a switch of the command line, for its model alone', async (t) => {
  const models = [{ model: fable, name: 'a', 'no-autotune': false }, { model: tiny }];
  const sources = await servedSources(['--model-config', configFile(t, { models }), '--no-autotune']);
  t.strictSame(
    sources.map(({ values }) => values['no-autotune']),
    [false, true],
  );
});

t.test('a file that says something else is refused with the field', async (t) => {
  const fails = (content: unknown, line: RegExp) =>
    refuses(t, () => servedSources(['--model-config', configFile(t, content)]), line);
  await fails('{', /^--model-config: .*models\.json: .*JSON/);
  await fails({}, /needs \{"models": \[\.\.\.\]\}/);
  await fails({ models: [3] }, /models\[0\]: must be an object/);
  await fails({ models: [{ name: 'a' }] }, /models\[0\]\.model: must be a path/);
  await fails({ models: [{ model: fable, names: 'a' }] }, /models\[0\]\.names: must be a list/);
  await fails({ models: [{ model: fable, port: 1 }] }, /models\[0\]\.port: no such option of a model/);
  const limited = { model: fable, 'gpu-memory-limit': '1GiB' };
  await fails({ models: [limited] }, /models\[0\]\.gpu-memory-limit: no such option of a model/);
  await fails(
    { models: [{ model: fable, quantization: false }] },
    /\.quantization: takes a value, not false/,
  );
  await fails({ models: [{ model: fable, dtype: [] }] }, /models\[0\]\.dtype: must be a string/);
  await fails({ models: [{ model: fable, 'max-model-len': 'x' }] }, /^--max-model-len: "x"/);
  const both = [fable, '--model-config', configFile(t, { models: [] })];
  await refuses(t, () => servedSources(both), /^--model-config: lists the models; give no MODEL/);
});

t.test('what a model needs at least follows from its weights and its format', async (t) => {
  const options = { ...ENGINE_DEFAULTS, modelDir: fable };
  const stored = await neededBytes(options);
  const int4 = await neededBytes({ ...options, quantization: 'int4' });
  t.ok(stored > 7.39e6 && stored < 40e6, String(stored));
  t.ok(stored - int4 > 4e6, String(int4));
});

t.test('adapters have a name and a folder, and belong to one model', async (t) => {
  t.match(await servedSources([fable, '--lora', 'poet=/tmp/poet', '--lora', 'b=c=d']), [
    {
      adapters: [
        { name: 'poet', root: '/tmp/poet' },
        { name: 'b', root: /c=d$/ },
      ],
    },
  ]);
  await refuses(t, () => servedSources([fable, '--lora', 'poet']), /^--lora: poet: must be NAME=PATH/);
  await refuses(t, () => servedSources([fable, '--lora', 'fable=/x']), /fable is the name of two/);
  await refuses(t, () => servedSources([fable, tiny, '--lora', 'a=/x']), /^--lora: of which model/);
  const models = [{ model: fable, lora: ['x=/x', 'y=/y'] }, { model: tiny }];
  const sources = await servedSources(['--model-config', configFile(t, { models })]);
  t.match(
    sources.map(({ adapters }) => adapters.length),
    [2, 0],
  );
});
