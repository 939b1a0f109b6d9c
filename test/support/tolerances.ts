import type { Tolerance } from './compare.js';

/**
 * Of one operation on inputs that both sides hold exactly.
 * f32: sums of up to 288 products of size ≤ 50, kept in f32 (2⁻²⁴ relative), in another order than the reference's, so about 1e-4.
 * f16: inputs are exact in f16 and sums are f32 as above; the result is rounded to f16 once, 2⁻¹¹ relative.
 */
export const OPERATION_TOLERANCES: Readonly<Record<'f32' | 'f16', Tolerance>> = {
  f32: { absolute: 1e-4, relative: 1e-5 },
  f16: { absolute: 1e-4, relative: 2 ** -11 + 1e-5 },
};

/**
 * Of a matrix product whose weights are rounded to f16 as they are decoded, 2⁻¹¹ relative to each: an outlier is up to 50 and so
 * wrong by up to 0.024, beside which 160 products of size ≤ 1 hardly count: they are wrong by 5e-4 at most, and in both directions.
 */
export const HALF_OPERAND_TOLERANCE: Tolerance = { absolute: 50 * 2 ** -11, relative: 2 ** -11 + 1e-5 };

/**
 * Of a product that adds up eight products in f16 before it goes on in f32: an outlier of up to 50 may be in each of the eight roundings, and
 * each is wrong by 2⁻¹² of it at most.
 */
export const HALF_SUM_TOLERANCE: Tolerance = { absolute: 8 * 50 * 2 ** -12, relative: 2 ** -11 + 1e-5 };
