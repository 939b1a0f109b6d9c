import { benchCapacity, MAX_LOGITS_ROWS } from '#halflight/bench/kernel-batches.js';
import type { CaseContext } from '#halflight/bench/kernel-case.js';
import { RandomWords } from '#halflight/bench/random-weights.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { RESULT } from '#halflight/ops/result-layout.js';
import { tinyShape } from './bench.js';

/** Cases of a tiny model on the CPU reference, in f32, up to 70 tokens. */
export async function cpuContext(): Promise<CaseContext<Float64Array>> {
  const ops = new CpuOps();
  return {
    ops,
    config: await tinyShape(),
    random: new RandomWords(1),
    maxTokens: 70,
    batch: ops.batch(benchCapacity(70)),
    results: ops.tensor(MAX_LOGITS_ROWS, RESULT.words, 'u32', 'activations'),
    workingSetBytes: 10_000,
  };
}
