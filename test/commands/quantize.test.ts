import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openModelCheckpoint } from '#halflight/checkpoint/quantized/quantized.js';
import { runQuantize } from '#halflight/commands/quantize.js';
import { formatName } from '#halflight/quant/formats.js';
import { printed, refuses } from '../support/commands.js';
import { copyTinyModel, editConfig, temporaryFolder } from '../support/models.js';
import { root } from '../support/paths.js';
import { outIn, type QuantizeReport, quantize, SHORT } from '../support/quantize.js';

t.test('makes a model directory that is read in codes, with tokenizer and report', async (t) => {
  const [model, out] = [await copyTinyModel(t), await outIn(t)];
  const { files, outputBytes } = await quantize(t, model, out, '--scheme', 'int4');
  const names = (await readdir(out)).sort();
  const reports = ['quantization-report.json', 'quantization-report.md'];
  t.strictSame(names, [...files.map(({ name }) => name), ...reports].sort());
  t.ok(names.includes('tokenizer.json') && names.includes('generation_config.json'));
  t.equal((await readFile(join(out, 'model.safetensors'))).length, outputBytes);
  const checkpoint = await openModelCheckpoint(out);
  const format = checkpoint.tensors.get('model.layers.0.mlp.up_proj.weight')?.format;
  t.equal(format && formatName(format), 'int4-g32');
  await checkpoint.close();
  t.match(await readFile(join(out, reports[1]), 'utf8'), /# .*, quantized/);
});

t.test('the same inputs give the same bytes, in every format', async (t) => {
  const model = await copyTinyModel(t);
  const kinds = [
    ['--scheme', 'w8a8'],
    ['--scheme', 'w4a8-g64'],
    ['--scheme', 'w8a8-integer', '--activation-range', 'entropy', ...SHORT],
    ['--scheme', 'int4', '--format', 'gptq', '--method', 'rtn-search'],
    ['--scheme', 'int4-asym', '--format', 'awq'],
    ['--scheme', 'nf4', '--max-shard-size', '200KB'],
    ['--scheme', 'fp4-dq'],
    ['--scheme', 'int8-tensor'],
  ];
  for (const args of kinds) {
    const [first, second] = [await outIn(t), await outIn(t)];
    const { sha256 } = await quantize(t, model, first, ...args);
    t.equal((await quantize(t, model, second, ...args)).sha256, sha256, args.join(' '));
    const checkpoint = await openModelCheckpoint(second);
    t.ok(await checkpoint.stored('model.layers.2.mlp.down_proj.weight'));
    await checkpoint.close();
  }
});

t.test('the size that is told before is that of the file, also with weights of the inputs', async (t) => {
  for (const scheme of ['q4_0', 'q4_k_m', 'q8_0']) {
    const out = await outIn(t);
    const args = [join(root, 'models/fable'), out, '--scheme', scheme, '--method', 'imatrix', ...SHORT];
    const told = await quantize(t, ...args, '--dry-run');
    await quantize(t, ...args);
    t.equal((await stat(join(out, 'model.gguf'))).size, told.outputBytes, scheme);
  }
});

t.test('what is done otherwise to matrices of all layers and experts has one line', async (t) => {
  const [model, out] = [await copyTinyModel(t, 'mixtral'), await outIn(t)];
  const args = [model, out, '--scheme', 'int4', '--method', 'imatrix', '--dry-run', ...SHORT];
  const lines = (await printed(t, () => runQuantize(args))).split('\n');
  const told = lines.filter((line) => line.includes('experts'));
  t.equal(told.length, 3, 'w1, w2 and w3');
  t.match(
    told[0],
    /^ {2}\d+ × model\.layers\.\*\..*experts\.\*\.w\d\.weight: nothing is known of its inputs/,
  );
});

t.test('a dry run tells what would be done and writes nothing', async (t) => {
  const [model, out] = [await copyTinyModel(t), await outIn(t)];
  const text = await printed(t, () => runQuantize([model, out, '--scheme', 'int4-g128', '--dry-run']));
  t.match(text, /matrices in int4-g128/);
  t.match(text, /size +\d.* become \d.* are free/);
  t.match(text, /memory +\d.*\n +time +about 0:0\d/);
  t.match(text, /q_proj.weight: int4-g64: \[64, 64\] is not divided by groups of 128/);
  t.notOk(existsSync(out) || existsSync(`${out}.partial`));
});

t.test('what cannot be done is told before anything is written', async (t) => {
  const [model, out] = [await copyTinyModel(t), await outIn(t)];
  await refuses(t, () => runQuantize([model]), /^quantize: takes MODEL and OUT/);
  await refuses(t, () => runQuantize([model, out, 'more']), /^quantize: takes/);
  await refuses(t, () => runQuantize([model, model]), /^OUT: .* is the model itself/);
  await refuses(t, () => runQuantize([model, out, '--scheme', 'int9']), /^--scheme: /);
  await refuses(t, () => runQuantize([model, out, '--method', 'x']), /^--method: /);
  await refuses(t, () => runQuantize([model, out, '--keep', 'x']), /^--keep: x: /);
  await refuses(
    t,
    () => runQuantize([model, out, '--calibration', 'x']),
    /^--calibration: rtn needs no text/,
  );
  await refuses(
    t,
    () => runQuantize([model, out, '--activation-range', 'ema']),
    /^--activation-range: is of static/,
  );
  await quantize(t, model, out);
  await refuses(t, () => runQuantize([model, out]), /exists already; --overwrite/);
  const again = join(await temporaryFolder(t), 'again');
  await t.rejects(runQuantize([out, again]), {
    name: 'CheckpointError',
    message: /quantized already \(compressed/,
  });
  await quantize(t, model, out, '--overwrite', '--scheme', 'int8');
  t.match(await readFile(join(out, 'config.json'), 'utf8'), /"num_bits": 8/);
});

t.test('a calibrated model tells what it was calibrated with, and no text is refused', async (t) => {
  const [model, out] = [await copyTinyModel(t), await outIn(t)];
  const text = join(await temporaryFolder(t), 'text.jsonl');
  await writeFile(text, `${JSON.stringify({ text: 'Once upon a time' })}\n`.repeat(10));
  const args = [model, out, '--method', 'imatrix', '--device', 'cpu', '--calibration', text];
  const sizes = ['--calibration-samples', '2', '--calibration-length', '16'];
  const report = await quantize(t, ...args, ...sizes);
  t.match(report, {
    calibration: { files: ['text.jsonl'], numSamples: 2, numTokens: 32, sha256: /^[0-9a-f]{64}$/ },
  });
  await writeFile(text, '');
  await refuses(t, () => runQuantize([...args, '--overwrite']), /^--calibration: text.jsonl: is empty/);
  const missing = ['--calibration', join(model, 'none.txt'), '--overwrite'];
  await refuses(t, () => runQuantize([...args, ...missing]), /none.txt: no such file/);
});

t.test('the configuration stays as it is written', async (t) => {
  const [model, out] = [await copyTinyModel(t), await outIn(t)];
  const config = await readFile(join(model, 'config.json'), 'utf8');
  await writeFile(
    join(model, 'config.json'),
    config.replace(/"rms_norm_eps": [^,]+/, '"rms_norm_eps": 1e-05'),
  );
  await quantize(t, model, out);
  t.match(await readFile(join(out, 'config.json'), 'utf8'), /"rms_norm_eps": 1e-05/);
  await editConfig(model, { quantization_config: null });
  const second = await outIn(t);
  await quantize(t, model, second);
  t.match(JSON.parse(await readFile(join(second, 'config.json'), 'utf8')), {
    quantization_config: { quant_method: 'compressed-tensors' },
  });
});

t.test('a target gives matrices formats of their own, within the budget', async (t) => {
  const [model, text] = [await copyTinyModel(t), join(await temporaryFolder(t), 'text.txt')];
  await writeFile(text, 'A fox met an owl by the lake. '.repeat(8));
  const sizes = ['--calibration', text, '--calibration-samples', '2', '--calibration-length', '16'];
  const args = [
    '--target-bits',
    '5',
    '--quantize-embeddings',
    '--method',
    'gptq',
    '--device',
    'cpu',
    ...sizes,
  ];
  const [first, second] = [await outIn(t), await outIn(t)];
  const report = (await quantize(t, model, first, ...args)) as QuantizeReport & {
    tensors: {
      shape: number[];
      bytes: number;
      format: string;
      method: string | null;
      why: string | null;
    }[];
  };
  t.equal((await quantize(t, model, second, ...args)).sha256, report.sha256);
  const matrices = report.tensors.filter(({ method }) => method !== null);
  t.equal(matrices.length, 23);
  t.ok(new Set(matrices.map(({ format }) => format)).size > 2);
  t.ok(matrices.every(({ why }) => /^expected divergence/.test(why ?? '')));
  const total = (of: (matrix: (typeof matrices)[0]) => number) =>
    matrices.reduce((sum, one) => sum + of(one), 0);
  const bits = (8 * total(({ bytes }) => bytes)) / total(({ shape: [rows, cols] }) => rows * cols);
  t.ok(bits > 4.8 && bits <= 5, `${bits}`);
  const checkpoint = await openModelCheckpoint(first);
  t.ok(await checkpoint.stored('model.embed_tokens.weight'));
  t.ok(await checkpoint.stored('lm_head.weight'));
  await checkpoint.close();
  const out = await outIn(t);
  const size = ['--target-size', '150KB', '--device', 'cpu', ...sizes];
  const { outputBytes } = await quantize(t, model, out, '--quantize-embeddings', ...size);
  t.ok(outputBytes <= 150_000 && outputBytes > 140_000, `${outputBytes}`);
});

t.test('a target that cannot be met, or for files of one format, is refused by its option', async (t) => {
  const [model, out] = [await copyTinyModel(t), await outIn(t)];
  for (const [args, message] of [
    [['--target-bits', '1.5'], /^--target-bits: 1.5: the smallest formats take/],
    [['--target-bits', 'few'], /^--target-bits: "few" is not a number/],
    [['--target-size', '10KB'], /^--target-size: 10000 bytes: with the smallest formats/],
    [['--target-size', 'small'], /^--target-size: "small" is no size/],
    [['--target-bits', '4', '--format', 'awq'], /^--format: awq holds one format for all matrices/],
    [['--target-bits', '4', '--format', 'gguf'], /^--format: gguf/],
    [['--quantize-embeddings', '--format', 'gptq'], /^--quantize-embeddings: gptq has no place/],
  ] as const)
    await refuses(t, () => runQuantize([model, out, ...args]), message);
});

t.test('a method that runs the model takes the device that is asked for, or ends', async (t) => {
  const model = await copyTinyModel(t);
  const text = join(t.testdir(), 'text.txt');
  await writeFile(text, 'A fox met an owl by the lake. '.repeat(8));
  const sizes = ['--calibration', text, '--calibration-samples', '1', '--calibration-length', '16'];
  const args = async (...more: string[]) => [model, await outIn(t), '--method', 'gptq', ...sizes, ...more];
  const refused = async (message: RegExp, ...more: string[]) => {
    const line = await args(...more);
    await refuses(t, () => runQuantize(line), message);
  };
  await refused(/^--device: Voodoo 2 is none of: 0 /, '--device', 'Voodoo 2');
  await refused(/^--require-gpu: cpu is no GPU/, '--device', 'cpu', '--require-gpu');
  const named = await quantize(t, model, await outIn(t), '--method', 'gptq', ...sizes, '--device', '0');
  t.ok(named.sha256);
});
