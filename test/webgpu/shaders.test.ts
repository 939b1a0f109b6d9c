import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { loadShader } from '#halflight/webgpu/shaders.js';

const PLAIN = { file: 'main', weight: null, types: {} };

function shaderDir(t: Test, files: Readonly<Record<string, string>>): string {
  const dir = t.testdir();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

t.test('an included file stands where it is included, once', (t) => {
  const dir = shaderDir(t, {
    'main.wgsl': '#include "lib/a.wgsl"\n#include "lib/b.wgsl"\nmain\n',
    'lib/a.wgsl': 'a\n',
    'lib/b.wgsl': '#include "lib/a.wgsl"\nb\n',
  });
  t.strictSame(linesOf(loadShader(PLAIN, dir)), ['a', 'b', 'main']);
  t.end();
});

t.test('the slot takes the weight reader of the variant', (t) => {
  const dir = shaderDir(t, { 'main.wgsl': '#include weight\nmain\n', 'weight/int4.wgsl': 'int4\n' });
  t.strictSame(linesOf(loadShader({ ...PLAIN, weight: 'int4' }, dir)), ['int4', 'main']);
  t.throws(() => loadShader(PLAIN, dir), /^main\.wgsl: #include weight: /);
  t.end();
});

t.test('the slot of lane sums goes through shared memory unless subgroups are asked for', (t) => {
  const dir = shaderDir(t, {
    'main.wgsl': '#include lanes\nmain\n',
    'lib/lanes_workgroup.wgsl': 'shared\n',
    'lib/lanes_subgroup.wgsl': 'subgroup\n',
  });
  t.strictSame(linesOf(loadShader(PLAIN, dir)), ['shared', 'main']);
  t.strictSame(linesOf(loadShader({ ...PLAIN, lanes: 'subgroup' }, dir)), [
    'enable subgroups;',
    'subgroup',
    'main',
  ]);
  t.end();
});

t.test('a loop is written out as often as its count says, which is a constant too', (t) => {
  const source = '#unroll i ROWS\n  #unroll j COLUMNS\n    a[i][j]\n  #end\n#end\nmain\n';
  const dir = shaderDir(t, { 'main.wgsl': source });
  const plain = (text: string) => text.replace(/\s+/g, ' ').trim();
  const inner = (j: number) => `{ const j = ${j}u; a[i][j] }`;
  const row = (i: number) => `{ const i = ${i}u; ${inner(0)} ${inner(1)} ${inner(2)} }`;
  t.equal(
    plain(loadShader({ ...PLAIN, unroll: { ROWS: 2, COLUMNS: 3 } }, dir)),
    `const ROWS = 2u; const COLUMNS = 3u; ${row(0)} ${row(1)} main`,
  );
  t.throws(() => loadShader({ ...PLAIN, unroll: { COLUMNS: 3 } }, dir), /^#unroll i ROWS: no such count$/);
  t.end();
});

t.test('the slot of the KV cache takes the file of its type', (t) => {
  const dir = shaderDir(t, { 'main.wgsl': '#include kv\nmain\n', 'kv/int8.wgsl': 'int8\n' });
  t.strictSame(linesOf(loadShader({ ...PLAIN, kv: 'int8' }, dir)), ['int8', 'main']);
  t.throws(() => loadShader(PLAIN, dir), /^main\.wgsl: #include kv: /);
  t.end();
});

t.test('a slot of another name, and a file that is not there, are refused', (t) => {
  const dir = shaderDir(t, { 'main.wgsl': '#include other\n', 'lost.wgsl': '#include "lib/c.wgsl"\n' });
  t.throws(() => loadShader(PLAIN, dir), /#include other/);
  t.throws(() => loadShader({ ...PLAIN, file: 'lost' }, dir), { code: 'ENOENT' });
  t.end();
});

t.test(
  'element types become aliases of the scalar and its vec4, and f16 is enabled where it is used',
  (t) => {
    const dir = shaderDir(t, { 'main.wgsl': 'main\n' });
    const wide = loadShader({ ...PLAIN, types: { X: 'f32' } }, dir);
    t.strictSame(linesOf(wide), ['alias X = f32;', 'alias X4 = vec4<f32>;', 'main']);
    const half = loadShader({ ...PLAIN, types: { X: 'f32', Y: 'f16' } }, dir);
    t.match(linesOf(half)[0], /^enable f16;$/);
    t.match(half, 'alias Y4 = vec4<f16>;');
    t.end();
  },
);

t.test('a size of subgroup matrices becomes constants and fills the slot of tiled products', (t) => {
  const dir = shaderDir(t, {
    'main.wgsl': '#include gemm\nmain\n',
    'lib/gemm_registers.wgsl': 'registers\n',
    'lib/gemm_matrix.wgsl': 'matrix\n',
  });
  t.strictSame(linesOf(loadShader(PLAIN, dir)), ['registers', 'main']);
  t.strictSame(linesOf(loadShader({ ...PLAIN, matrix: { m: 8, n: 16, k: 32 } }, dir)), [
    'enable subgroups;',
    'enable chromium_experimental_subgroup_matrix;',
    'const MATRIX_M = 8u;',
    'const MATRIX_N = 16u;',
    'const MATRIX_K = 32u;',
    'matrix',
    'main',
  ]);
  t.end();
});

t.test('a tile becomes constants, and those of its part where subgroups share it', (t) => {
  const dir = shaderDir(t, { 'main.wgsl': 'main\n' });
  const tile = { tokens: 64, outputs: 128, lanes: 96 };
  const lines = ['const TILE_TOKENS = 64u;', 'const TILE_OUTPUTS = 128u;', 'const LANES = 96u;'];
  t.strictSame(linesOf(loadShader({ ...PLAIN, tile }, dir)), [...lines, 'main']);
  const part = { tokens: 32, outputs: 16, stepBlocks: 4, sets: 2 };
  t.strictSame(linesOf(loadShader({ ...PLAIN, tile: { ...tile, part } }, dir)), [
    ...lines,
    'const PART_TOKENS = 32u;',
    'const PART_OUTPUTS = 16u;',
    'const STEP_BLOCKS = 4u;',
    'const TILE_SETS = 2u;',
    'main',
  ]);
  t.end();
});

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
