/** A number of the metadata as config.json writes it; other values as they are. */
export function plainNumber(value: unknown): unknown {
  return typeof value === 'number' ? shortest(value) : value;
}

/** The shortest decimal number that rounds to the same f32, which is what the file holds of 1e-5. */
export function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
