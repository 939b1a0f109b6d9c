import { readdirSync } from 'node:fs';
import t from 'tap';
import { KERNELS, type KernelName, ROTATING_ATTENTION, WEIGHT_BINDING } from '#halflight/webgpu/kernels.js';
import { loadShader, SHADER_DIR } from '#halflight/webgpu/shaders.js';
import { singleTiling } from '#halflight/webgpu/single-tiling.js';
import { GPU_TUNING } from '../support/tuning.js';

/** Any that every loop which is written out has. */
const unroll = { ...singleTiling(4, 64, { ...GPU_TUNING, subgroupSize: 32 })?.unroll, BATCH: 4, VECTORS: 1 };

const NAMES = Object.keys(KERNELS) as KernelName[];

t.test('every shader file is a kernel of the table, and the reverse', (t) => {
  const files = readdirSync(SHADER_DIR).filter((name) => name.endsWith('.wgsl'));
  t.strictSame(files.sort(), NAMES.map((name) => `${name}.wgsl`).sort());
  t.end();
});

for (const name of NAMES) {
  t.test(`${name} binds what the table says, in its order`, (t) => {
    const weight = KERNELS[name].weight ? 'int4' : null;
    const source = loadShader({ file: name, weight, types: { X: 'f32', Y: 'f32' }, kv: 'f32', unroll });
    t.match(source, /@group\(0\) @binding\(0\) var<uniform> params: Params;/);
    t.strictSame(storageBindings(source), [...KERNELS[name].bindings]);
    t.equal(source.includes(`@binding(${WEIGHT_BINDING})`), KERNELS[name].weight);
    t.end();
  });
}

t.test('products with experts bind the routes behind what the table says', (t) => {
  const products = NAMES.filter((kernel) => kernel.startsWith('linear_') && kernel !== 'linear_merge');
  for (const name of products) {
    const types = { X: 'f32', Y: 'f32' } as const;
    const source = loadShader({ file: name, weight: 'int4', types, routing: 'experts', unroll });
    t.strictSame(storageBindings(source), [...KERNELS[name].bindings, 'read'], name);
  }
  t.end();
});

t.test('attention that rotates heads itself binds what is listed for it', (t) => {
  const types = { X: 'f32', Y: 'f32' } as const;
  const source = loadShader({ file: 'attention', weight: null, types, heads: 'projected', kv: 'f32' });
  t.strictSame(storageBindings(source), [...ROTATING_ATTENTION]);
  t.end();
});

t.test('attention of single tokens that rotates heads itself binds the same, and leaves q alone', (t) => {
  const types = { X: 'f32', Y: 'f32' } as const;
  const variant = { weight: null, types, heads: 'projected', kv: 'f32', unroll } as const;
  const source = loadShader({ file: 'attention_single', ...variant });
  t.strictSame(storageBindings(source), [...ROTATING_ATTENTION].toSpliced(1, 1));
  t.end();
});

/** Access of the storage bindings before those of a weight, in the order of their numbers. */
function storageBindings(source: string): string[] {
  const declared = source.matchAll(/@group\(0\) @binding\((\d+)\) var<storage, (read|read_write)>/g);
  return [...declared]
    .filter(([, binding]) => Number(binding) < WEIGHT_BINDING)
    .sort(([, a], [, b]) => Number(a) - Number(b))
    .map(([, , access]) => (access === 'read' ? 'read' : 'write'));
}
