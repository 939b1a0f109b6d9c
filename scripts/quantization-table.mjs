#!/usr/bin/env node
// Measures methods of quantization side by side: what each loses in each scheme on two texts, by KL divergence from the model that it was made of.
//   npm run quantization-table -- [--model DIR] [--schemes A,B] [--methods A,B] [--texts FILE,FILE] [--bytes N] [--samples N] [--dir DIR]
// A method `rtn+RULE` has the static activations' range by that rule; `load` takes the scheme as a value of --quantization, with nothing stored.
// R is the share of the loss of `rtn` that a method takes away: (KL of rtn − KL) / KL of rtn. What was measured is kept in DIR/figures.jsonl and not
// measured again; checkpoints are deleted once they are measured.
import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { measureDivergence } from '../dist/calibrate/divergence.js';
import { cutText } from '../dist/calibrate/protocols.js';
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
  const known = readFigures();
  for (const scheme of values.schemes.split(',')) {
    const methods = values.methods?.split(',') ?? SCHEMES[scheme];
    const rows = [];
    for (const method of methods) {
      const key = [basename(values.model), scheme, method, values.samples, values.bytes].join(' ');
      if (!known.has(key)) remember(known, key, await measure(scheme, method, texts, references));
      rows.push({ method, ...known.get(key) });
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
      const { kl, perplexityRatio } = await measureDivergence(source, references[i], windows);
      all[name] = { kl: kl.mean, error: kl.standardError, ratio: perplexityRatio.mean };
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

function readFigures() {
  const file = join(values.dir, 'figures.jsonl');
  if (!existsSync(file)) return new Map();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => JSON.parse(line)));
}

function remember(known, key, figures) {
  known.set(key, figures);
  appendFileSync(join(values.dir, 'figures.jsonl'), `${JSON.stringify([key, figures])}\n`);
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
  const measured = Object.entries(figures).flatMap(([name, { kl, error, ratio }]) => {
    const share = (first.figures[name].kl - kl) / first.figures[name].kl;
    const percent = 100 * (ratio - 1);
    return [
      `${kl.toFixed(6)} ± ${error.toFixed(6)}`,
      figures === first.figures ? '' : `${Math.round(100 * share)}%`,
      `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(2)}%`,
    ];
  });
  return [scheme, method, bytes, ...measured];
}

await main();
