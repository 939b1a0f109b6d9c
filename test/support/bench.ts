import type { KernelCase } from '#halflight/bench/kernel-case.js';
import { shapeConfig } from '#halflight/bench/shapes.js';
import type { ModelConfig } from '#halflight/model/config.js';

/** Two layers of 64 hidden values, 4 query and 2 KV heads of 16, 96 inner values and 128 tokens, for benchmarks on the CPU reference. */
export async function tinyShape(): Promise<ModelConfig> {
  const config = await shapeConfig('SmolLM2-135M', '--shape');
  return {
    ...config,
    hiddenSize: 64,
    intermediateSize: 96,
    numLayers: 2,
    numHeads: 4,
    numKvHeads: 2,
    headDim: 16,
    vocabSize: 128,
    ropes: Array.from({ length: 2 }, () => ({ type: 'default', theta: 10_000, rotaryDim: 16 }) as const),
    slidingWindows: [null, null],
  };
}

/** Runs each case once and tells its name, tokens, bytes and multiply-adds. */
export function runCases(
  cases: Iterable<KernelCase>,
): readonly [name: string, tokens: number, bytes: number, multiplyAdds: number | null][] {
  return Array.from(cases, ({ name, tokens, bytes, multiplyAdds, enqueue }) => {
    enqueue(0);
    enqueue(1);
    return [name, tokens, bytes, multiplyAdds];
  });
}

/** Rates that make shares easy to work out. */
export const RATES = {
  copyBytesPerSecond: 1e9,
  copiedBytes: 1e6,
  fmasPerSecond: 1e9,
  matrixFmasPerSecond: null,
  dispatchMicroseconds: 10,
};
