// The activation that ACTIVATION names: 0 silu, 1 gelu, 2 gelu_tanh, 3 clamped_swish.
#include "lib/tanh.wgsl"
override ACTIVATION: u32 = 0u;
// Of clamped_swish.
const CLAMP = 7.0;

// The error function to within 1.5e-7 (Abramowitz & Stegun, 7.1.26).
fn erf_of(v: f32) -> f32 {
  let t = 1.0 / fma(0.3275911, abs(v), 1.0);
  let p = t * fma(t, fma(t, fma(t, fma(t, 1.061405429, -1.453152027), 1.421413741), -0.284496736), 0.254829592);
  return sign(v) * (1.0 - p * exp(-v * v));
}

fn activated(v: f32) -> f32 {
  if (ACTIVATION == 1u) {
    return 0.5 * v * (1.0 + erf_of(v * 0.70710678));
  }
  if (ACTIVATION == 2u) {
    return 0.5 * v * (1.0 + tanh_of(vec4f(0.79788456 * fma(0.044715 * v * v, v, v))).x);
  }
  if (ACTIVATION == 3u) {
    let clamped = min(v, CLAMP);
    return clamped / (1.0 + exp(-1.702 * clamped));
  }
  return v / (1.0 + exp(-v));
}

// What a gate lets through.
fn gated(gate: f32, other: f32) -> f32 {
  if (ACTIVATION == 3u) {
    return activated(gate) * (clamp(other, -CLAMP, CLAMP) + 1.0);
  }
  return activated(gate) * other;
}
