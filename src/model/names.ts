import type { LinearNames } from './config.js';

/** A matrix that is stacked with others: its names and output rows. */
export type StackPart = readonly [LinearNames, number];

/** Neighbours of equal name as the one matrix that they are. */
export function fused(parts: readonly StackPart[]): StackPart[] {
  const merged: StackPart[] = [];
  for (const [names, rows] of parts) {
    const [last, before] = merged.at(-1) ?? [null, 0];
    if (last?.weight === names.weight) merged[merged.length - 1] = [last, before + rows];
    else merged.push([names, rows]);
  }
  return merged;
}

/** The names of a layer's module. */
export function inLayer({ weight, bias, layout }: LinearNames, layer: number): LinearNames {
  const inThis = (name: string) => inLayerName(name, layer);
  return { weight: inThis(weight), bias: bias === null ? null : inThis(bias), layout };
}

/** The names of an expert's module; the very names where they are of all experts. */
export function inExpert(names: LinearNames, expert: number): LinearNames {
  const { weight, bias, layout } = names;
  if (!weight.includes('{expert}')) return names;
  const inThis = (name: string) => name.replace('{expert}', String(expert));
  return { weight: inThis(weight), bias: bias === null ? null : inThis(bias), layout };
}

/** The name of a layer's tensor. @param template a name of `WeightNames` */
export function inLayerName(template: string, layer: number): string {
  return template.replace('{layer}', String(layer));
}
