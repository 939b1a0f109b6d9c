// What both sides of the comparison of matrix products share: the shape, the random weight, and how a product is timed.

export const K = 2048;
export const N = 2048;
export const TOKENS = [1, 8, 64, 512];
/** A product of M tokens is repeated until so much time has gone by, and at least three times. */
const MIN_MS = 1500;

/** A generator of 32-bit words (xorshift), the same on both sides. */
export function randomWords(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Codes [N][K/32][16] bytes, low nibble first, and scales [N][K/32]. */
export function randomWeight() {
  const next = randomWords(1);
  const codes = new Uint8Array((N * K) / 2).map(() => next() & 255);
  const scales = new Float32Array((N * K) / 32).map(() => 0.01 + (next() % 1000) / 1e5);
  return { codes, scales };
}

export function randomActivations(tokens) {
  const next = randomWords(2);
  return new Float32Array(tokens * K).map(() => (next() % 2001) / 1000 - 1);
}

/** G multiply-adds per second of `product`, an async function of one product of `tokens` rows, by the median time. */
export async function rateOf(tokens, product) {
  await product();
  const times = [];
  const end = performance.now() + MIN_MS;
  while (times.length < 3 || performance.now() < end) {
    const start = performance.now();
    await product();
    times.push(performance.now() - start);
  }
  return (tokens * K * N) / median(times) / 1e6;
}

export function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Tells the parent: G multiply-adds per second, and the first outputs, by which it sees that both sides compute the same. */
export function report(results) {
  process.stdout.write(`${JSON.stringify(results)}\n`);
}
