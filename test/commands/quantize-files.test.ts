import t from 'tap';
import { parseMethod } from '#halflight/calibrate/job/methods.js';
import { QUANTIZE_OPTIONS } from '#halflight/commands/options.js';
import { filesFor } from '#halflight/commands/quantize-files.js';
import { parseLine } from '#halflight/config.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { tinyDir } from '../support/tiny.js';

const dir = tinyDir('llama');

async function written(...args: string[]) {
  const { values } = parseLine(args, QUANTIZE_OPTIONS);
  return filesFor(dir, await parseModelConfig(dir), parseMethod(values.method), values);
}

t.test('the scheme chooses the files where no format is asked for', async (t) => {
  t.match(await written(), { scheme: 'int4', format: 'compressed-tensors' });
  t.match(await written('--scheme', 'nf4'), { scheme: 'nf4', format: 'bitsandbytes' });
  t.match(await written('--scheme', 'q4_k_m'), { scheme: 'q4_k_m', format: 'gguf', planOptions: null });
  t.match(await written('--target-bits', '5'), { scheme: '5 bits a weight', format: 'compressed-tensors' });
});

t.test('what the files have no place for is refused by its option', async (t) => {
  for (const [args, message] of [
    [['--format', 'gguf'], /^--scheme: "int4" is none of GGUF’s: /],
    [['--format', 'awq', '--scheme', 'q4_0'], /^--scheme: /],
    [['--scheme', 'q4_0', '--quantize-embeddings'], /^--quantize-embeddings: GGUF’s mixtures/],
    [['--scheme', 'q4_0', '--max-shard-size', '1GB'], /^--max-shard-size: a GGUF file is written whole/],
    [['--scheme', 'q4_0', '--method', 'gptq-act-order'], /^--method: gptq-act-order: GGUF has no place/],
    [['--format', 'gguf', '--target-bits', '5'], /^--format: gguf: its mixtures/],
    [['--format', 'awq', '--target-bits', '5'], /^--format: awq holds one format for all/],
    [['--format', 'awq', '--scheme', 'int8-tensor'], /^--format: awq has no place for one scale/],
  ] as const)
    await t.rejects(written(...args), { name: 'UserError', message }, args.join(' '));
});
