#!/usr/bin/env node
// Measures methods of quantization side by side: what each loses in each scheme on two texts, by KL divergence from the model that it was made of.
//   npm run quantization-table -- [--model DIR] [--schemes A,B] [--methods A,B] [--texts FILE,FILE] [--bytes N] [--samples N] [--dir DIR]
// A method `rtn+RULE` has the static activations' range by that rule; `load` takes the scheme as a value of --quantization, with nothing stored.
// R is the share of the first method's loss that a method takes away: (KL of the first − KL) / KL of the first; its error is that of the paired tokens.
// What was measured is kept in DIR, also token by token, and not measured again; checkpoints are deleted once they are measured.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { compareTokens, divergenceOf } from '../dist/calibrate/divergence.js';
import { cutText } from '../dist/calibrate/protocols.js';
import { estimate } from '../dist/calibrate/statistics.js';
import { storeRows } from '../dist/calibrate/stored-rows.js';
import { modelRows } from '../dist/calibrate/windows.js';
import { readSoftwareVulkan, softwareVectors } from '../dist/commands/software-vectors.js';
import { createLogitsModel } from '../dist/engine/logits.js';
import { ENGINE_DEFAULTS } from '../dist/engine/options.js';
import { loadTokenizer } from '../dist/text/tokenizer.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist/cli.js');
const WINDOW = 512;
const INTEGERS = [
  'rtn',
  'rtn-search',
  'hqq',
  'imatrix',
  'gptq-plain',
  'gptq',
  'gptq-act-order',
  'awq',
  'awq-gptq',
];
/** By the value of `--scheme`: the methods that are measured by default. */
const SCHEMES = {
  int8: ['rtn'],
  'int4-g32': INTEGERS,
  'int4-g128': INTEGERS,
  'int4-channel': INTEGERS,
  'int3-g128': INTEGERS,
  'int4-g128-asym': INTEGERS,
  w8a8: ['rtn', 'smoothquant', 'gptq', 'smoothquant-gptq'],
  'w8a8-static': ['minmax', 'ema', 'percentile', 'mse', 'entropy'].map((rule) => `rtn+${rule}`),
  'w8a8-integer': ['rtn+minmax', 'rtn+percentile'],
  w4a8: ['rtn', 'smoothquant', 'gptq', 'smoothquant-gptq'],
  'int8-tensor': ['rtn'],
  'llm-int8': ['load'],
  'w8a8-token': ['load'],
  'w4a8-token': ['load'],
  fp4: ['rtn'],
  'nf4-dq': ['rtn'],
  nf4: ['rtn', 'rtn-search', 'imatrix', 'gptq-plain', 'gptq', 'awq', 'awq-gptq'],
};
/** Files that tell which group a column is of. */
const METHOD_OPTIONS = { 'gptq-act-order': ['--format', 'gptq'] };

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: join(root, 'models/fable') },
    schemes: { type: 'string', default: Object.keys(SCHEMES).join() },
    methods: { type: 'string' },
    texts: {
      type: 'string',
      default: ['stories', 'chats'].map((name) => join(root, `models/fable/valid_${name}.txt`)).join(),
    },
    bytes: { type: 'string', default: '30000' },
    samples: { type: 'string', default: '16' },
    dir: { type: 'string', default: join(tmpdir(), 'halflight-quantization-table') },
  },
});

async function main() {
  Object.assign(process.env, softwareVectors(readSoftwareVulkan(process.env), process.env));
  mkdirSync(values.dir, { recursive: true });
  const texts = values.texts.split(',').map(cut);
  const references = await rowsOf(values.model, null, texts);
  for (const scheme of values.schemes.split(',')) {
    const methods = values.methods?.split(',') ?? SCHEMES[scheme];
    const rows = [];
    for (const method of methods) {
      const key = [basename(values.model), scheme, method, values.samples, values.bytes].join('_');
      const file = join(values.dir, `${key}.json`);
      if (!existsSync(file))
        writeFileSync(file, JSON.stringify(await measure(scheme, method, texts, references)));
      rows.push({ method, ...JSON.parse(readFileSync(file, 'utf8')) });
    }
    printTable(scheme, rows);
  }
  for (const reference of references) await reference.close();
}

function cut(path) {
  const text = readFileSync(path).subarray(0, Number(values.bytes)).toString('utf8');
  const { windows } = cutText('windows', loadTokenizer(values.model), text, {
    window: WINDOW,
    stride: WINDOW,
  });
  return { name: basename(path, '.txt').replace('valid_', ''), windows };
}

/** What a model gives for the windows of each text. */
async function rowsOf(modelDir, quantization, texts) {
  return withModel(modelDir, quantization, async (source) => {
    const stored = [];
    for (const { windows } of texts) stored.push(await storeRows(source, windows));
    return stored;
  });
}

async function withModel(modelDir, quantization, use) {
  const options = { ...ENGINE_DEFAULTS, modelDir, quantization, computeType: 'float32', maxModelLen: WINDOW };
  const model = await createLogitsModel(options, () => undefined);
  try {
    return await use(modelRows(model));
  } finally {
    model.destroy();
  }
}

async function measure(scheme, method, texts, references) {
  const out = join(values.dir, `${scheme}-${method}`);
  const start = performance.now();
  const isLoaded = method === 'load';
  if (!isLoaded) await quantize(scheme, method, out);
  const seconds = (performance.now() - start) / 1000;
  const source = isLoaded ? values.model : out;
  const bytes = statSync(join(source, 'model.safetensors')).size;
  const figures = await withModel(source, isLoaded ? scheme : null, async (source) => {
    const all = {};
    for (const [i, { name, windows }] of texts.entries()) {
      const tokens = await compareTokens(source, references[i], windows);
      const { kl, perplexityRatio } = divergenceOf(tokens);
      const ofTokens = tokens.map((token) => Number(token.kl.toPrecision(6)));
      all[name] = { kl: kl.mean, error: kl.standardError, ratio: perplexityRatio.mean, tokens: ofTokens };
    }
    return all;
  });
  rmSync(out, { recursive: true, force: true });
  return { bytes, seconds, figures };
}

async function quantize(scheme, named, out) {
  rmSync(out, { recursive: true, force: true });
  const [method, rule] = named.split('+');
  const needsText = rule !== undefined || !['rtn', 'rtn-search', 'hqq'].includes(method);
  const calibration = needsText ? ['--calibration-samples', values.samples] : [];
  const range = rule === undefined ? [] : ['--activation-range', rule];
  const options = [...range, ...(METHOD_OPTIONS[method] ?? []), ...calibration];
  const args = [
    'quantize',
    values.model,
    out,
    '--scheme',
    scheme,
    '--method',
    method,
    '--json',
    '--overwrite',
  ];
  await promisify(execFile)(process.execPath, [cli, ...args, ...options], { maxBuffer: 2 ** 26 });
}

function printTable(scheme, rows) {
  const names = Object.keys(rows[0].figures);
  const header = [
    'scheme',
    'method',
    'bytes',
    ...names.flatMap((name) => [`KL, ${name}`, 'R', 'perplexity']),
  ];
  const lines = [header, header.map(() => '---'), ...rows.map((row) => cells(scheme, row, rows[0]))];
  process.stdout.write(`${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n\n`);
}

function cells(scheme, { method, bytes, figures }, first) {
  const measured = Object.entries(figures).flatMap(([name, { kl, error, ratio, tokens }]) => {
    const share = shareTaken(first.figures[name].tokens, tokens);
    const percent = 100 * (ratio - 1);
    return [
      `${kl.toFixed(6)} ± ${error.toFixed(6)}`,
      figures === first.figures
        ? ''
        : `${(100 * share.mean).toFixed(0)} ± ${(100 * share.standardError).toFixed(0)}%`,
      `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(2)}%`,
    ];
  });
  return [scheme, method, bytes, ...measured];
}

/** 1 − mean of `tokens` / mean of `first`; its error by the delta method, from what each token adds to both. */
function shareTaken(first, tokens) {
  const mean = estimate(first).mean;
  const rest = estimate(tokens).mean / mean;
  const { standardError } = estimate(tokens.map((kl, i) => (kl - rest * first[i]) / mean));
  return { mean: 1 - rest, standardError };
}

await main();
