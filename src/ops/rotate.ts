/**
 * Rotates the first `rotaryDim` dimensions of a head in place, i with i + rotaryDim/2.
 * @param angles the cosines of the rotaryDim/2 frequencies at a position, then the sines
 */
export function rotate(head: Float64Array, angles: Float64Array, rotaryDim: number): void {
  const half = rotaryDim / 2;
  for (let i = 0; i < half; i++) {
    const [a, b, cos, sin] = [head[i], head[i + half], angles[i], angles[i + half]];
    head[i] = a * cos - b * sin;
    head[i + half] = b * cos + a * sin;
  }
}
