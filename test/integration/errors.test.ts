import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { runGenerate } from '#halflight/commands/generate.js';
import { CheckpointError } from '#halflight/errors.js';
import { halflight } from '../support/cli.js';
import { copyTinyModel, editConfig } from '../support/models.js';

type Change = (dir: string) => Promise<unknown>;

/** Writes the checkpoint again without the tensor. */
async function dropTensor(dir: string, dropped: string): Promise<void> {
  const file = join(dir, 'model.safetensors');
  const checkpoint = await openSafetensors(file);
  const kept = [...checkpoint.tensors.values()].filter(({ name }) => name !== dropped);
  const tensors = await Promise.all(
    kept.map(async ({ name, shape }) => ({
      name,
      dtype: 'BF16' as const,
      shape,
      data: (await checkpoint.read(name)).data,
    })),
  );
  await checkpoint.close();
  await writeSafetensors(file, tensors);
}

const BROKEN: readonly { what: string; change: Change; line: RegExp }[] = [
  {
    what: 'a truncated weight file',
    change: (dir) => truncate(join(dir, 'model.safetensors'), 100_000),
    line: /model\.safetensors: .*\S/,
  },
  {
    what: 'a weight file of nothing but text',
    change: (dir) =>
      writeFile(join(dir, 'model.safetensors'), 'version https://git-lfs.github.com/spec/v1\n'),
    line: /model\.safetensors: /,
  },
  {
    what: 'a missing tensor',
    change: (dir) => dropTensor(dir, 'model.layers.1.mlp.up_proj.weight'),
    line: /model\.safetensors: model\.layers\.1\.mlp\.up_proj\.weight: no such tensor/,
  },
  {
    what: 'a tensor of another shape',
    change: (dir) => editConfig(dir, { intermediate_size: 160 }),
    line: /model\.safetensors: model\.layers\.0\.mlp\.gate_proj\.weight: shape \[128,64\], but .* \[160,64\]/,
  },
  {
    what: 'an unknown architecture',
    change: (dir) => editConfig(dir, { architectures: ['ElizaForCausalLM'] }),
    line: /config\.json: architectures: .*ElizaForCausalLM/,
  },
  {
    what: 'a config.json that lacks a field',
    change: (dir) => editConfig(dir, { hidden_size: undefined }),
    line: /config\.json: hidden_size: /,
  },
  {
    what: 'a config.json that is no JSON',
    change: async (dir) => {
      const file = join(dir, 'config.json');
      await writeFile(file, (await readFile(file, 'utf8')).slice(0, 100));
    },
    line: /config\.json: /,
  },
  {
    what: 'no config.json',
    change: (dir) => rm(join(dir, 'config.json')),
    line: /config\.json: file: /,
  },
  {
    what: 'no weights',
    change: (dir) => rm(join(dir, 'model.safetensors')),
    line: /\*\.safetensors: missing\./,
  },
];

for (const { what, change, line } of BROKEN) {
  t.test(`${what} is one line that names file and field`, async (t) => {
    const dir = await copyTinyModel(t);
    await change(dir);
    const error: unknown = await runGenerate([dir, '--prompt-token-ids', '1', '--device', 'cpu']).catch(
      (reason: unknown) => reason,
    );
    t.ok(error instanceof CheckpointError, `a CheckpointError, not ${error}`);
    if (!(error instanceof CheckpointError)) return;
    t.match(error.message, line);
    t.notMatch(error.message, /\n/);
    t.ok(error.message.startsWith(dir), 'the path is whole');
  });
}

t.test('a broken tokenizer is one line that names the file', async (t) => {
  const dir = await copyTinyModel(t);
  await writeFile(join(dir, 'tokenizer.json'), '{"added_tokens": []}');
  await t.rejects(runGenerate([dir, '--prompt', 'a', '--device', 'cpu']), {
    message: /tokenizer\.json: tokenizer: /,
  });
});

t.test('what the engine’s thread finds broken ends the server the same way', async (t) => {
  const dir = await copyTinyModel(t);
  await dropTensor(dir, 'model.norm.weight');
  const { code, stdout, stderr } = await halflight('serve', dir, '--port', '0', '--device', 'cpu');
  t.match(
    stderr,
    /^(loading .*\n)?halflight: .*model\.safetensors: model\.norm\.weight: no such tensor.*\n$/,
  );
  t.strictSame({ code, stdout }, { code: 1, stdout: '' });
});
