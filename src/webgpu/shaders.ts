import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Element types that a kernel's source names by role, such as `X` for its input and `Y` for its output. */
export type TypeAliases = Readonly<Record<string, 'f32' | 'f16' | 'u32'>>;

export interface ShaderVariant {
  /** File in `shaders/`, without `.wgsl`. */
  readonly file: string;
  /** File in `shaders/weight/` that fills the slot `#include weight`. */
  readonly weight: string | null;
  readonly types: TypeAliases;
}

export const SHADER_DIR = fileURLToPath(new URL('../../shaders', import.meta.url));

/** Complete WGSL of a variant: prelude, then the file with its includes, each included once. */
export function loadShader(variant: ShaderVariant, dir = SHADER_DIR): string {
  const included = new Set<string>();
  const body = expand(`${variant.file}.wgsl`, variant.weight, dir, included);
  return `${prelude(variant.types)}${body}`;
}

/** `X: 'f16'` gives the aliases X and X4, a scalar and its vec4. */
function prelude(types: TypeAliases): string {
  const names = Object.entries(types);
  const enable = names.some(([, type]) => type === 'f16') ? 'enable f16;\n' : '';
  const aliases = names.map(([name, type]) => `alias ${name} = ${type};\nalias ${name}4 = vec4<${type}>;\n`);
  return enable + aliases.join('');
}

function expand(file: string, weight: string | null, dir: string, included: Set<string>): string {
  if (included.has(file)) return '';
  included.add(file);
  const source = readFileSync(join(dir, file), 'utf8');
  return source.replace(/^#include (?:"(.+)"|(\w+))$/gm, (line, path?: string, slot?: string) => {
    if (path !== undefined) return expand(path, weight, dir, included);
    if (slot === 'weight' && weight !== null) return expand(`weight/${weight}.wgsl`, weight, dir, included);
    throw new Error(`${file}: ${line}: no such slot, or nothing to fill it`);
  });
}
