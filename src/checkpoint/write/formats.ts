import type { WeightFormat } from '../../quant/weight.js';
import { awq } from './awq.js';
import { bitsandbytes } from './bitsandbytes.js';
import { compressedTensors } from './compressed-tensors.js';
import type { FileFormat } from './format.js';
import { gptq } from './gptq.js';

/** By name: a new one is a file and a line here. */
export const FILE_FORMATS: ReadonlyMap<string, FileFormat> = new Map(
  [compressedTensors, gptq, awq, bitsandbytes].map((format) => [format.name, format]),
);

/** What a weight format is written in unless told otherwise: the first that can hold it. */
export function usualFileFormat({ table }: WeightFormat): FileFormat {
  return table === undefined ? compressedTensors : bitsandbytes;
}
