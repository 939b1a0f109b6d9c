/** How an embedding is sent. */
export interface VectorForm {
  /** The first so many numbers are kept; null keeps all. */
  readonly dimensions: number | null;
  /** Whether what is kept has length 1. */
  readonly normalize: boolean;
  readonly encoding: 'float' | 'base64';
}

/** Numbers that an f32 is known by, in decimal. */
const F32_DIGITS = 9;

/** JSON of a vector: a list of numbers, which as f32 are what base64 has, or a string of their bytes, f32 little-endian. */
export function vectorJson(values: Float32Array, { dimensions, normalize, encoding }: VectorForm): string {
  const kept = values.subarray(0, dimensions ?? values.length);
  const vector = normalize ? normalized(kept) : kept;
  if (encoding === 'base64') return JSON.stringify(bytesOf(vector).toString('base64'));
  return JSON.stringify(Array.from(vector, (value) => Number(value.toPrecision(F32_DIGITS))));
}

/** Of length 1; a vector of zeros stays one. */
function normalized(values: Float32Array): Float32Array {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? values : values.map((value) => value / length);
}

function bytesOf(values: Float32Array): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes;
}
