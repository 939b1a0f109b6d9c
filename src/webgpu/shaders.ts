import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KvType } from '../ops/ops.js';

/** Element types that a kernel's source names by role, such as `X` for its input and `Y` for its output. */
export type TypeAliases = Readonly<Record<string, 'f32' | 'f16' | 'u32'>>;

export interface ShaderVariant {
  /** File in `shaders/`, without `.wgsl`. */
  readonly file: string;
  /** File in `shaders/weight/` that fills the slot `#include weight`. */
  readonly weight: string | null;
  readonly types: TypeAliases;
  /**
   * Fills the slots `#include lanes`, how lanes of a workgroup add up, and `#include activations`, how they come by the same
   * activations (`#include codes` for those in INT8), and for attention both (`#include queries`). `subgroup` needs a workgroup that is exactly one
   * subgroup where one of these is included. Fills `#include reduce`, how all lanes get a sum, with `subgroups` too: that needs several whole
   * subgroups, of SUBGROUP_LANES lanes each.
   */
  readonly lanes?: Lanes;
  /** Fills the slots `#include dot` and `#include operands`: how integers are multiplied, `packed` where absent. */
  readonly dot?: Dot;
  /**
   * Fills the slots `#include row`, `#include unit` and `#include half`: products of few tokens multiply pairs of f16, and else f32; and
   * `#include staged`: `linear_gemm` decodes weights to f16, and else to f32 first.
   */
  readonly half?: boolean;
  /** Fills the slot `#include gemm`: subgroups multiply matrices of this size, or where absent each lane sums in registers. */
  readonly matrix?: MatrixSize;
  /** Tokens and outputs of a workgroup of `linear_gemm`. */
  readonly tile?: TileSize;
  /** Fills the slot `#include routing`: products of all rows, or where `experts` of each token's rows with those of its experts. */
  readonly routing?: 'experts';
  /** Fills the slots `#include heads` and `#include single_heads`: attention rotates heads of q and k itself where `projected`, and else reads them rotated. */
  readonly heads?: 'projected';
  /** Constants by name: how often a loop `#unroll` over one is written out, so that arrays in it stay in registers, and what their sizes are made of. */
  readonly unroll?: Readonly<Record<string, number>>;
  /** File in `shaders/kv/` that fills the slot `#include kv`, for kernels that read or write a KV cache. */
  readonly kv?: KvType;
}

export type Lanes = 'workgroup' | 'subgroup' | 'subgroups';
/**
 * `packed` takes four bytes at once by the language feature `packed_4x8_integer_dot_product`, `extracted` the same without it;
 * `pairs` two values in one 32-bit product, for weights of 4 bits.
 */
export type Dot = 'packed' | 'extracted' | 'pairs';

/** A product of f16 `[m][k]` and `[k][n]` to f32 `[m][n]` that a subgroup computes at once. */
export interface MatrixSize {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export interface TileSize {
  readonly tokens: number;
  readonly outputs: number;
  /** Lanes of the workgroup. */
  readonly lanes: number;
  /** Where subgroups multiply matrices. */
  readonly part?: TilePart;
}

/** How subgroups share a tile. */
export interface TilePart {
  /** Of one subgroup. */
  readonly tokens: number;
  readonly outputs: number;
  /** Blocks of 32 along K that are in shared memory at once. */
  readonly stepBlocks: number;
  /** Of tiles in shared memory: with 2, one is filled while the other is multiplied, with one barrier a step instead of two. */
  readonly sets: number;
}

export const SHADER_DIR = fileURLToPath(new URL('../../shaders', import.meta.url));

/** Complete WGSL of a variant: prelude, then the file with its includes, each included once. */
export function loadShader(variant: ShaderVariant, dir = SHADER_DIR): string {
  const body = expand(`${variant.file}.wgsl`, slotFiles(variant), dir, new Set());
  return `${prelude(variant)}${unrolled(body, variant.unroll ?? {})}`;
}

/** A loop over `i` from 0 below a constant, with no other within it. */
const UNROLL = /^ *#unroll (\w+) (\w+)\n((?:(?! *#unroll)(?! *#end$).*\n)*) *#end$/gm;

/** Drivers unroll loops or not as they see fit; arrays that are indexed in a loop which stays one lie in memory. */
function unrolled(source: string, counts: Readonly<Record<string, number>>): string {
  const once = source.replace(UNROLL, (_, i: string, name: string, body: string) => {
    const count = counts[name];
    if (count === undefined) throw new Error(`#unroll ${i} ${name}: no such count`);
    return Array.from({ length: count }, (_, turn) => `{\nconst ${i} = ${turn}u;\n${body}}`).join('\n');
  });
  return once === source ? source : unrolled(once, counts);
}

/** What the named slots include. */
function slotFiles({
  weight,
  types,
  lanes = 'workgroup',
  dot = 'packed',
  half = false,
  matrix,
  routing,
  heads,
  kv,
}: ShaderVariant): ReadonlyMap<string, string> {
  const files = new Map([
    ['x', `lib/x_${types.X}.wgsl`],
    ['lanes', `lib/lanes_${lanes}.wgsl`],
    ['reduce', `lib/reduce_${lanes}.wgsl`],
    ['activations', `lib/activations_${lanes}.wgsl`],
    ['queries', `lib/queries_${lanes}.wgsl`],
    ['codes', `lib/codes_${lanes}.wgsl`],
    ['dot', `lib/dot_${dot === 'packed' ? 'packed' : 'extracted'}.wgsl`],
    ['operands', `lib/operands_${dot === 'pairs' ? 'pairs' : 'bytes'}.wgsl`],
    ['row', `lib/row_${half ? 'half' : 'float'}.wgsl`],
    ['half', `half/${weight}.wgsl`],
    ['unit', `lib/unit_${half ? 'half' : 'float'}.wgsl`],
    ['staged', half ? `staged/${weight}.wgsl` : 'lib/staged_float.wgsl'],
    ['routing', `lib/routing_${routing ?? 'none'}.wgsl`],
    ['heads', `lib/heads_${heads ?? 'rotated'}.wgsl`],
    ['single_heads', `lib/single_${heads ?? 'rotated'}.wgsl`],
    ['gemm', `lib/gemm_${matrix === undefined ? 'registers' : 'matrix'}.wgsl`],
  ]);
  if (kv !== undefined) files.set('kv', `kv/${kv}.wgsl`);
  if (weight !== null) files.set('weight', `weight/${weight}.wgsl`);
  return files;
}

/**
 * `X: 'f16'` gives the aliases X and X4, a scalar and its vec4; a size of matrices the constants MATRIX_M, MATRIX_N and MATRIX_K; a tile
 * TILE_TOKENS, TILE_OUTPUTS and LANES, its part PART_TOKENS, PART_OUTPUTS, STEP_BLOCKS and TILE_SETS; and what is unrolled the counts.
 */
function prelude({ types, lanes = 'workgroup', matrix, tile, unroll = {} }: ShaderVariant): string {
  const names = Object.entries(types);
  const halves = names.some(([, type]) => type === 'f16') ? 'enable f16;\n' : '';
  const subgroups = lanes !== 'workgroup' || matrix !== undefined ? 'enable subgroups;\n' : '';
  const aliases = names.map(([name, type]) => `alias ${name} = ${type};\nalias ${name}4 = vec4<${type}>;\n`);
  return (
    halves + subgroups + matrixPrelude(matrix) + aliases.join('') + tilePrelude(tile) + constants(unroll)
  );
}

function tilePrelude(tile: TileSize | undefined): string {
  if (tile === undefined) return '';
  const { tokens, outputs, lanes, part } = tile;
  return constants({ TILE_TOKENS: tokens, TILE_OUTPUTS: outputs, LANES: lanes, ...partConstants(part) });
}

function partConstants(part: TilePart | undefined): Readonly<Record<string, number>> {
  if (part === undefined) return {};
  const { tokens, outputs, stepBlocks, sets } = part;
  return { PART_TOKENS: tokens, PART_OUTPUTS: outputs, STEP_BLOCKS: stepBlocks, TILE_SETS: sets };
}

function constants(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `const ${name} = ${value}u;\n`)
    .join('');
}

/** The sizes are part of types, which `override`s cannot be. */
function matrixPrelude(matrix: MatrixSize | undefined): string {
  if (matrix === undefined) return '';
  const { m, n, k } = matrix;
  const sizes = constants({ MATRIX_M: m, MATRIX_N: n, MATRIX_K: k });
  return `enable chromium_experimental_subgroup_matrix;\n${sizes}`;
}

function expand(
  file: string,
  slots: ReadonlyMap<string, string>,
  dir: string,
  included: Set<string>,
): string {
  if (included.has(file)) return '';
  included.add(file);
  const source = readFileSync(join(dir, file), 'utf8');
  return source.replace(/^#include (?:"(.+)"|(\w+))$/gm, (line, path?: string, slot?: string) => {
    const name = path ?? slots.get(slot ?? '');
    if (name === undefined) throw new Error(`${file}: ${line}: no such slot, or nothing to fill it`);
    return expand(name, slots, dir, included);
  });
}
