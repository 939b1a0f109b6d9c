import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readGgufHeader } from '#halflight/checkpoint/gguf/header.js';
import { modelDirectory, modelName } from '#halflight/commands/model-options.js';
import { runQuantize } from '#halflight/commands/quantize.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { printed, refuses } from '../support/commands.js';
import { firstDifference } from '../support/compare.js';
import { writableTiny } from '../support/gguf-written.js';
import { temporaryFolder } from '../support/models.js';
import { TINY_MODELS, type TinyModel, tinyOptions } from '../support/tiny.js';

// On a busy machine; alone it takes seconds.
t.setTimeout(240_000);

/** Both sum in f64 on the CPU: what is left is f16 and BF16 in which tied or kept matrices are held, and f32 of the divisors of a rotation. */
const TOLERANCE = { absolute: 2e-4, relative: 2e-4 };
const TOKENS = [5, 17, 400, 3, 1999, 64, 65, 66];

interface Report {
  readonly sha256: string;
  readonly files: readonly { readonly name: string }[];
  readonly tensors: readonly {
    readonly tensor: string;
    readonly format: string;
    readonly notes: readonly string[];
  }[];
}

async function quantize(t: Test, model: string, ...args: string[]) {
  t.capture(process.stderr, 'write', () => true);
  const out = join(await temporaryFolder(t), 'out');
  const text = await printed(t, () => runQuantize([model, out, '--json', ...args]));
  return { out, report: JSON.parse(text) as Report };
}

async function logits(name: TinyModel, modelDir: string): Promise<Float32Array> {
  const options = tinyOptions(name, { modelDir, device: 'cpu', computeType: 'float32' });
  const model = await createLogitsModel(options, () => undefined);
  try {
    return await model.logits(TOKENS);
  } finally {
    model.destroy();
  }
}

for (const name of TINY_MODELS) {
  t.test(`${name} as a GGUF file of its own floats is the same model`, async (t) => {
    const model = await writableTiny(t, name);
    const dtype = (JSON.parse(await readFile(join(model, 'config.json'), 'utf8')) as { dtype: string }).dtype;
    const scheme = { bfloat16: 'bf16', float16: 'f16' }[dtype] ?? 'f32';
    const { out } = await quantize(t, model, '--scheme', scheme);
    const [own, written] = [await logits(name, model), await logits(name, join(out, 'model.gguf'))];
    t.equal(firstDifference(written, own, TOLERANCE), null);
  });
}

t.test('a folder with a GGUF file is a model of the folder’s name', async (t) => {
  const model = await writableTiny(t, 'qwen2');
  const { out, report } = await quantize(t, model, '--scheme', 'q8_0');
  t.same(await readdir(out), ['model.gguf', 'quantization-report.json', 'quantization-report.md']);
  t.same(
    report.files.map(({ name }) => name),
    ['model.gguf'],
  );
  t.equal(modelDirectory([out]), join(out, 'model.gguf'));
  t.equal(modelName(join(out, 'model.gguf')), 'out');
  const { out: again, report: other } = await quantize(t, model, '--scheme', 'Q8_0');
  t.equal(other.sha256, report.sha256, 'the same inputs give the same bytes');
  t.equal(readGgufHeader(join(again, 'model.gguf')).metadata.raw('general.file_type'), 7);
});

t.test('what is done otherwise than the mixture has it is in the report', async (t) => {
  const { report } = await quantize(t, await writableTiny(t, 'gpt2'), '--scheme', 'q4_k_m');
  const { format, notes } = report.tensors.find(({ tensor }) => tensor === 'blk.2.ffn_up.weight') ?? {};
  t.equal(format, 'Q5_0');
  t.match(notes, [/rows of 64 are not divided by Q4_K’s blocks of 256/]);
});

t.test('methods with a text gather the inputs of the model’s own matrices', async (t) => {
  const model = await writableTiny(t, 'llama');
  const text = join(await temporaryFolder(t), 'text.jsonl');
  await writeFile(text, `${JSON.stringify({ text: 'Once upon a time there was' })}\n`.repeat(10));
  const calibrated = [
    '--device',
    'cpu',
    '--calibration',
    text,
    '--calibration-samples',
    '2',
    '--calibration-length',
    '16',
  ];
  const { report: plain } = await quantize(t, model, '--scheme', 'q4_0');
  for (const method of ['imatrix', 'gptq', 'awq']) {
    const { report } = await quantize(t, model, '--scheme', 'q4_0', '--method', method, ...calibrated);
    t.not(report.sha256, plain.sha256, method);
    t.equal(report.tensors.find(({ tensor }) => tensor === 'blk.2.attn_k.weight')?.format, 'Q4_0');
  }
});

t.test('what does not go together is refused before work starts', async (t) => {
  const model = await writableTiny(t, 'llama');
  const out = join(await temporaryFolder(t), 'out');
  const run = (...args: string[]) => runQuantize([model, out, ...args]);
  await refuses(
    t,
    () => run('--format', 'gguf', '--scheme', 'int4'),
    /^--scheme: "int4" is none of GGUF’s: f32, /,
  );
  await refuses(t, () => run('--scheme', 'q4_0', '--max-shard-size', '1GB'), /^--max-shard-size: /);
  await refuses(
    t,
    () => run('--scheme', 'q4_0', '--method', 'gptq-act-order'),
    /^--method: gptq-act-order: GGUF has no place/,
  );
  await refuses(t, () => run('--scheme', 'q4_0', '--format', 'awq'), /^--scheme: "q4_0" is none of int8, /);
});
