import type { Layer, Linear } from '../model/model.js';
import type { LayerRun, Sample } from './layer-run.js';
import { Magnitudes } from './magnitudes.js';
import { type RangeRule, stepOf } from './range.js';

/** Which static scales are wanted. */
export interface StepOptions {
  readonly rule: RangeRule;
  /** Of outputs too. */
  readonly withOutputs: boolean;
}

/** Static scales of a product. */
export interface ProductSteps {
  readonly input: number;
  /** By the tensors of its matrices; empty where these are not wanted. */
  readonly outputs: ReadonlyMap<string, number>;
}

/** Runs samples through a layer up to a product, and chooses its scales. @param parts the product's matrices and their rows, in order */
export async function measureSteps<B>(
  run: LayerRun<B>,
  layer: Layer<B>,
  linear: Linear<B>,
  parts: readonly (readonly [tensor: string, rows: number])[],
  samples: readonly Sample[],
  { rule, withOutputs }: StepOptions,
): Promise<ProductSteps> {
  const { cols, rows } = linear.weight;
  const inputs = new Magnitudes();
  const outputs = new Map(withOutputs ? parts.map(([tensor]) => [tensor, new Magnitudes()]) : []);
  const room = withOutputs ? run.room(rows) : null;
  for (const sample of samples) {
    const { input, output } = await run.product(layer, linear, sample, room);
    inputs.add(input, { stride: cols, start: 0, count: cols });
    if (output !== null) addOutputs(outputs, parts, output, rows);
  }
  return {
    input: stepOf(inputs, rule),
    outputs: new Map([...outputs].map(([tensor, magnitudes]) => [tensor, stepOf(magnitudes, rule)])),
  };
}

/** @param output `[tokens][stride]` */
function addOutputs(
  outputs: ReadonlyMap<string, Magnitudes>,
  parts: readonly (readonly [tensor: string, rows: number])[],
  output: Float32Array,
  stride: number,
): void {
  let start = 0;
  for (const [tensor, count] of parts) {
    outputs.get(tensor)?.add(output, { stride, start, count });
    start += count;
  }
}
