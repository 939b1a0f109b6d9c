/** The kernels: what each binds, in order, after its uniform parameters at binding 0. Products with experts bind one buffer more. */
export const KERNELS = {
  embed: { bindings: ['read', 'read', 'write'], weight: true },
  rms_norm: { bindings: ['read', 'read', 'write'], weight: false },
  rms_norm_vectors: { bindings: ['read', 'read', 'write'], weight: false },
  layer_norm: { bindings: ['read', 'read', 'read', 'write'], weight: false },
  linear_row: { bindings: ['read', 'read', 'write', 'read'], weight: true },
  linear_staged: { bindings: ['read', 'read', 'write', 'read'], weight: true },
  linear_tile: { bindings: ['read', 'read', 'write', 'read'], weight: true },
  linear_panel: { bindings: ['read', 'read', 'write', 'read'], weight: true },
  linear_gemm: { bindings: ['read', 'read', 'write', 'read'], weight: true },
  linear_merge: { bindings: ['read', 'read', 'write'], weight: false },
  linear_row_int8: { bindings: ['read', 'read', 'write', 'read'], weight: true },
  linear_tile_int8: { bindings: ['read', 'read', 'write', 'read'], weight: true },
  linear_outliers_int8: { bindings: ['read', 'read', 'write', 'read'], weight: true },
  fixed_point_int8: { bindings: ['read', 'read', 'write'], weight: true },
  route: { bindings: ['read', 'write', 'write', 'write'], weight: false },
  group_routes: { bindings: ['read', 'write'], weight: false },
  add_experts: { bindings: ['read', 'read', 'write'], weight: false },
  order_columns: { bindings: ['read', 'read', 'write'], weight: false },
  quantize_rows: { bindings: ['read', 'write'], weight: false },
  quantize_tokens: { bindings: ['read', 'write'], weight: false },
  rope_cache: { bindings: ['read', 'read', 'read', 'read', 'write', 'write', 'write'], weight: false },
  attention: { bindings: ['read', 'read', 'read', 'read', 'write', 'read'], weight: false },
  attention_single: { bindings: ['read', 'read', 'read', 'read', 'write', 'read'], weight: false },
  attention_merge: { bindings: ['read', 'read', 'write'], weight: false },
  lora_shrink: { bindings: ['read', 'read', 'read', 'write'], weight: false },
  lora_expand: { bindings: ['read', 'read', 'read', 'write'], weight: false },
  activate: { bindings: ['read', 'write'], weight: false },
  soft_cap: { bindings: ['write'], weight: false },
  gram: { bindings: ['read', 'write'], weight: false },
  gather_rows: { bindings: ['read', 'read', 'write'], weight: false },
  edit_logits: { bindings: ['read', 'read', 'write'], weight: false },
  sample: { bindings: ['read', 'read', 'write'], weight: false },
  logprobs: { bindings: ['read', 'read', 'write'], weight: false },
  probe_copy: { bindings: ['read', 'write'], weight: false },
  probe_fma: { bindings: ['write'], weight: false },
  probe_mma: { bindings: ['write'], weight: false },
} as const satisfies Record<string, KernelInterface>;

/** What attention binds where it rotates heads itself: as else, then the projections and the angles. `attention_single` leaves q alone. */
export const ROTATING_ATTENTION = [
  'read',
  'write',
  'write',
  'write',
  'write',
  'read',
  'read',
  'read',
] as const;

export interface KernelInterface {
  readonly bindings: readonly ('read' | 'write')[];
  /** From `WEIGHT_BINDING` on a part of a weight is bound: codes, and for integer formats scales and zero points. */
  readonly weight: boolean;
}

/** In the same group as all else: setting a second one costs a quarter of a dispatch. */
export const WEIGHT_BINDING = 10;

export type KernelName = keyof typeof KERNELS;
