import type { Activation } from './ops.js';

/** Of `clamped_swish`. */
const CLAMP = 7;

/** activation(v) in f64. */
export function activated(activation: Activation, v: number): number {
  switch (activation) {
    case 'silu':
      return v / (1 + Math.exp(-v));
    case 'gelu':
      return (v / 2) * (1 + erf(v / Math.SQRT2));
    case 'gelu_tanh':
      return (v / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
    case 'clamped_swish':
      return Math.min(v, CLAMP) / (1 + Math.exp(-1.702 * Math.min(v, CLAMP)));
    default:
      return activation satisfies never;
  }
}

/** What a gate lets through, in f64: activation(gate) · value, with the value as the activation takes it. */
export function gatedBy(activation: Activation, gate: number, value: number): number {
  const taken = activation === 'clamped_swish' ? Math.max(-CLAMP, Math.min(value, CLAMP)) + 1 : value;
  return activated(activation, gate) * taken;
}

/** The error function: its Maclaurin series up to 4, beyond which it is ±1 to within 2e-8. Terms stay below 1e6, so f64 leaves 1e-9. */
function erf(z: number): number {
  if (Math.abs(z) > 4) return Math.sign(z);
  let term = z;
  let sum = z;
  for (let n = 1; n < 80; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** cap · tanh(value / cap), and the value itself without a cap. */
export function capped(value: number, cap: number | null): number {
  return cap === null ? value : cap * Math.tanh(value / cap);
}
