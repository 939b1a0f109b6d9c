import type { HostArea, HostWeights, Ops } from '../ops/ops.js';

/** Layers, and what must be brought to the device before each is computed. */
export interface LoadedLayers<B, L> {
  readonly layers: readonly L[];
  /** `[layers][weights]` */
  readonly bring: readonly (readonly HostWeights<B>[])[];
}

/** Fewer layers than this save nothing in host memory: the device has room for two at any time. */
export const MIN_HOST_LAYERS = 3;

/** Loads layers in order, `numHostLayers` of them into host memory. */
export async function loadLayers<B, L>(
  ops: Ops<B>,
  { numLayers, numHostLayers }: { numLayers: number; numHostLayers: number },
  load: (layer: number) => Promise<L>,
): Promise<LoadedLayers<B, L>> {
  const layers: L[] = [];
  const hosts: (HostWeights<B> | null)[] = [];
  for (const [layer, area] of hostAreas(numLayers, numHostLayers).entries()) {
    const { loaded, host } =
      area === null ? { loaded: await load(layer), host: null } : await ops.inHost(area, () => load(layer));
    layers.push(loaded);
    hosts.push(host);
  }
  return { layers, bring: bringSchedule(hosts) };
}

/**
 * Which layers lie in host memory, by the area that they take turns in; null for the others. They are spread evenly, so that one can be copied
 * while others compute.
 */
export function hostAreas(numLayers: number, numHostLayers: number): readonly (HostArea | null)[] {
  const before = (layer: number) => Math.floor((layer * numHostLayers) / numLayers);
  return Array.from({ length: numLayers }, (_, layer) =>
    before(layer + 1) > before(layer) ? ((before(layer) % 2) as HostArea) : null,
  );
}

/** What to bring before each layer, as early as its area is free: the first two at the start, each other behind the last but one before it. */
export function bringSchedule<T>(hosts: readonly (T | null)[]): readonly (readonly T[])[] {
  const held = hosts.flatMap((host, layer) => (host === null ? [] : [{ host, layer }]));
  const schedule: T[][] = hosts.map(() => []);
  for (const [i, { host }] of held.entries()) schedule[i < 2 ? 0 : held[i - 2].layer + 1].push(host);
  return schedule;
}
