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
