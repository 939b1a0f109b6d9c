#!/usr/bin/env node
// Runs halflight and its peers on the same adapter in turn and prints the ratios: `npm run bench:peers [products|models|servers]`.
//   products  ONNX Runtime's WebGPU provider, one product at a time; onnxruntime-node is installed below the temporary folder
//   models    llama.cpp's Vulkan backend on the same GGUF file, a 135M-parameter Llama shape of random weights; LLAMA_BENCH is the command of its llama-bench
//   servers   llama.cpp's llama-server on the same GGUF file, the bundled model in Q8_0, under load; LLAMA_SERVER is its command
// Both sides must see the same driver: where llama-bench lives in an environment of its own, run this there. Peers are no dependency of halflight. Each side is a process of its own, so that none disturbs the other.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { writeRandomGguf } from './peers/gguf.mjs';
import { median } from './peers/products.mjs';
import { compareServers } from './peers/servers.mjs';

const ONNX_RUNTIME = 'onnxruntime-node@1.30.0';
const folder = join(tmpdir(), 'halflight-peers');
const root = fileURLToPath(new URL('..', import.meta.url));
/** Differences of outputs beyond this share of their size mean that the two sides do not compute the same. */
const SAME_OUTPUTS = 1e-3;
/** The shape of SmolLM2-135M. */
const SHAPE = {
  hidden: 576,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  intermediate: 1536,
  vocab: 49_152,
};
/** Tokens of the prompts: a short one, and the default of llama-bench. */
const INPUT_LENS = [16, 512];
/** Tokens of the answer, which llama-bench measures without a prompt. */
const OUTPUT_LEN = 32;
const ROUNDS = 3;

const PARTS = {
  products: compareProducts,
  models: compareModels,
  servers: () => compareServers({ root, folder, print }),
};

async function main(names) {
  const unknown = names.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) throw new Error(`${unknown}: compares ${Object.keys(PARTS).join(' or ')}`);
  mkdirSync(folder, { recursive: true });
  for (const name of names.length > 0 ? names : Object.keys(PARTS)) await PARTS[name]();
}

async function compareProducts() {
  installOnnxRuntime();
  const peer = (level) => side('products-onnx.mjs', [folder, String(level)]);
  const ours = () => side('products-halflight.mjs', []);
  print('2048 × 2048, INT4 in groups of 32, f32 activations: G multiply-adds/s, medians of rounds in turn');
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push({ peer: await peer(0), ours: await ours() });
  checkOutputs(rounds[0]);
  for (const [i, { tokens }] of rounds[0].ours.entries()) {
    const rate = (which) => median(rounds.map((round) => round[which][i].rate));
    print(row(`M = ${tokens}`, rate('ours'), 'ONNX Runtime WebGPU', rate('peer')));
  }
}

async function compareModels() {
  for (const type of ['q4_0', 'q8_0']) {
    const path = join(folder, `135m-${type}.gguf`);
    if (!existsSync(path)) await writeRandomGguf(path, SHAPE, type);
    print(`135M-parameter Llama shape, ${type}: tokens/s, medians of rounds in turn`);
    const rounds = [];
    for (let i = 0; i < ROUNDS; i++)
      rounds.push({ peer: await llamaBench(path, []), ours: await halflight(path) });
    for (const phase of Object.keys(rounds[0].ours)) {
      const rate = (which) => median(rounds.map((round) => round[which][phase]));
      print(row(phase, rate('ours'), 'llama.cpp Vulkan', rate('peer')));
    }
    const onCpu = Object.entries(await llamaBench(path, ['-dev', 'none']));
    print(
      `  llama.cpp on the CPU: ${onCpu.map(([phase, rate]) => `${phase} ${rate.toFixed(1)}`).join(', ')}`,
    );
  }
}

/** Tokens per second of llama-bench. */
async function llamaBench(path, options) {
  const [program, ...given] = (process.env.LLAMA_BENCH ?? 'llama-bench').split(' ');
  const work = ['-p', INPUT_LENS.join(), '-n', String(OUTPUT_LEN), '-r', '1', '-o', 'json'];
  const { stdout } = await run(program, [...given, '-m', path, '-ngl', '99', ...work, ...options]);
  const results = JSON.parse(stdout.slice(stdout.indexOf('[')));
  const rate = (key, count) => results.find((result) => result[key] === count).avg_ts;
  return phases((inputLen) => rate('n_prompt', inputLen), rate('n_gen', OUTPUT_LEN));
}

/** Tokens per second of halflight: each prompt alone, then an answer to one token, as llama-bench measures them. */
async function halflight(path) {
  const prefill = new Map();
  for (const inputLen of INPUT_LENS)
    prefill.set(inputLen, (await offline(path, inputLen, 2)).prefillThroughput);
  const { decodeThroughput } = await offline(path, 1, OUTPUT_LEN + 1);
  return phases((inputLen) => prefill.get(inputLen), decodeThroughput);
}

function phases(prefillOf, decode) {
  return {
    ...Object.fromEntries(INPUT_LENS.map((length) => [`prefill of ${length}`, prefillOf(length)])),
    decode,
  };
}

async function offline(path, inputLen, outputLen) {
  const lengths = ['--input-len', String(inputLen), '--output-len', String(outputLen)];
  const cli = join(root, 'dist/cli.js');
  const { stdout } = await run(process.execPath, [cli, 'bench', 'offline', path, ...lengths, '--json']);
  return JSON.parse(stdout).results[0];
}

function installOnnxRuntime() {
  if (existsSync(join(folder, 'node_modules/onnxruntime-node'))) return;
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  // Its install script fetches CUDA libraries, which nothing here needs.
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', ONNX_RUNTIME], {
    cwd: folder,
    stdio: 'inherit',
  });
}

/** The results that a side reports on its last line. */
async function side(file, args) {
  const { stdout } = await run(process.execPath, [join(root, 'scripts/peers', file), ...args]);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

function run(program, args) {
  return promisify(execFile)(program, args, { maxBuffer: 2 ** 26 });
}

function checkOutputs({ peer, ours }) {
  const size = Math.max(...peer[0].head.map(Math.abs));
  const worst = Math.max(...ours[0].head.map((value, i) => Math.abs(value - peer[0].head[i])));
  if (worst > SAME_OUTPUTS * size)
    throw new Error(`the two sides compute different outputs: off by ${worst} of ${size}`);
}

function row(name, ours, peerName, peer) {
  return `  ${name}: halflight ${ours.toFixed(2)}, ${peerName} ${peer.toFixed(2)}: ${(ours / peer).toFixed(2)} times`;
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

await main(process.argv.slice(2));
