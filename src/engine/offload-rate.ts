import type { HostWeights, Ops, Tensor } from '../ops/ops.js';

export interface OffloadCost {
  readonly numHostLayers: number;
  /** Copied in every step. */
  readonly bytes: number;
  /** Time of these copies alone, from a measurement of two layers. */
  readonly ms: number;
}

/** What layers in host memory cost a step. Null where there are none. @param small any tensor, to wait for the device with */
export async function measureOffload<B>(
  ops: Ops<B>,
  bring: readonly (readonly HostWeights<B>[])[],
  small: Tensor<B>,
): Promise<OffloadCost | null> {
  const all = bring.flat();
  const bytes = sumOf(all);
  if (bytes === 0) return null;
  const probes = all.slice(0, 2);
  const copy = async () => {
    const startMs = performance.now();
    for (const weights of probes) ops.bring(weights);
    await ops.read(small, 1);
    return performance.now() - startMs;
  };
  // The first may meet memory that was never touched.
  await copy();
  const ms = Math.min(await copy(), await copy());
  return { numHostLayers: all.length, bytes, ms: (ms * bytes) / sumOf(probes) };
}

function sumOf<B>(weights: readonly HostWeights<B>[]): number {
  return weights.reduce((sum, { bytes }) => sum + bytes, 0);
}

export function offloadLine({ numHostLayers, bytes, ms }: OffloadCost): string {
  const gigabytes = (bytes / 1e9).toFixed(bytes < 1e9 ? 3 : 1);
  const rate = (bytes / 1e6 / ms).toFixed(1);
  return (
    `offload: ${numHostLayers} layers in host memory; every step copies ${gigabytes} GB to the device, ` +
    `${(ms / 1000).toFixed(3)} s at the ${rate} GB/s measured`
  );
}
