import type { FileActivations } from '../../checkpoint/write/format.js';
import { UserError } from '../../errors.js';
import { STORED_FORMATS } from '../../quant/formats.js';
import type { WeightFormat } from '../../quant/weight.js';

/** What matrices are quantized to. */
export interface Scheme {
  readonly name: string;
  readonly format: WeightFormat;
  readonly activations: FileActivations;
  /** Whether scales become codes too. */
  readonly doubleQuant?: true;
  /** Whether a matrix has one scale. */
  readonly tensorScale?: true;
}

const INTEGER = /^int([234568])(?:-(g32|g64|g128|g256|channel))?(-asym)?$/;
const ROUNDED: ReadonlyMap<string, FileActivations> = new Map([
  ['w8a8', 'int8'],
  ['w8a8-static', 'static'],
  ['w8a8-integer', 'integer'],
]);
const NARROW_ROUNDED = /^w4a8(?:-(g32|g64|g128|channel))?$/;
/** `-dq`: double quantization. */
const TABLE = /^(nf4|fp4)(-dq)?$/;
/** For the help and for errors. */
export const SCHEME_NAMES =
  'int8, int6, int5, int4, int3 or int2, each with -g32, -g64, -g128, -g256 or -channel and with -asym; int8-tensor; nf4 or fp4, each with -dq; w8a8, w8a8-static, w8a8-integer; w4a8, also with -g64, -g128 or -channel';

/**
 * Reads the value of `--scheme`. Plain `int8` has a scale for each row, `int4` and below one for each 32 columns, as with `--quantization`.
 * Throws UserError with the known names.
 */
export function parseScheme(name: string): Scheme {
  const [isTable, table, doubled] = TABLE.exec(name) ?? [];
  if (isTable !== undefined) {
    const format = STORED_FORMATS[table === 'fp4' ? 'fp4-g64' : 'nf4-g64'];
    return { name, format, activations: 'float', ...(doubled === undefined ? {} : { doubleQuant: true }) };
  }
  if (name === 'int8-tensor')
    return { name, format: integerFormat(8, null, false), activations: 'float', tensorScale: true };
  const rounded = ROUNDED.get(name);
  if (rounded !== undefined) return { name, format: integerFormat(8, null, false), activations: rounded };
  const narrow = NARROW_ROUNDED.exec(name);
  if (narrow !== null)
    return { name, format: integerFormat(4, groupSize(4, narrow[1]), false), activations: 'int8' };
  const [matched, bits, groups, asymmetric] = INTEGER.exec(name) ?? [];
  if (matched === undefined)
    throw new UserError(`--scheme: ${JSON.stringify(name)} is none of ${SCHEME_NAMES}`);
  const width = Number(bits) as IntegerBits;
  const format = integerFormat(width, groupSize(width, groups), asymmetric !== undefined);
  return { name, format, activations: 'float' };
}

/** Whether activations have scales that a calibration text gives. */
export function isStatic({ activations }: Pick<Scheme, 'activations'>): boolean {
  return activations === 'static' || activations === 'integer';
}

function groupSize(bits: number, groups: string | undefined): number | null {
  if (groups === undefined) return bits === 8 ? null : 32;
  return groups === 'channel' ? null : Number(groups.slice(1));
}

type IntegerBits = 2 | 3 | 4 | 5 | 6 | 8;

/** Bytes of one scale for a whole row weigh nothing, so it has the wider type. */
export function integerFormat(
  bits: IntegerBits,
  groupSize: number | null,
  zeroPoints: boolean,
): WeightFormat {
  const scaleType = bits === 8 && groupSize === null ? 'f32' : 'f16';
  return { reader: `int${bits}`, bits, groupSize, scaleType, zeroPoints };
}
