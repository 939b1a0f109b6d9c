import { dequantizeRow } from '../quant/formats.js';
import { BLOCK_CODES } from '../quant/weight.js';
import type { MatrixInput, MatrixMethod, MatrixResult } from './method.js';
import { outputError } from './output-error.js';

/**
 * The method with one scale for the whole matrix, which each row has then. Formats of one scale for a row, f32, and rows of whole blocks of 32; throws
 * RangeError for others. What is known of inputs does not weigh in.
 */
export function tensorScaleMethod(method: MatrixMethod): MatrixMethod {
  return { ...method, quantize: (input) => quantizeTensor(method, input) };
}

function quantizeTensor(method: MatrixMethod, input: MatrixInput): MatrixResult {
  const { name, values, rows, cols, format } = input;
  if (format.groupSize !== null || format.scaleType !== 'f32' || cols % BLOCK_CODES !== 0)
    throw new RangeError(`${name}: no format or shape for one scale`);
  // As one row: the blocks of its codes are those of all rows.
  const flat = { name, values, rows: 1, cols: rows * cols, format, stats: null };
  const { packed: whole, notes } = method.quantize(flat);
  const scales = new Uint32Array(rows).fill(whole.scales?.[0] ?? 0);
  const packed = { ...whole, rows, cols, scales };
  const delta = new Float64Array(cols);
  let error = 0;
  for (let row = 0; row < rows; row++) {
    dequantizeRow(packed, row, delta);
    for (let k = 0; k < cols; k++) delta[k] = values[row * cols + k] - delta[k];
    error += outputError(delta, input.stats);
  }
  return { packed, groupIndex: null, error: error / rows, notes };
}
