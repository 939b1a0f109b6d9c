const MODULES: Readonly<Record<string, string>> = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
};

const LAYER_MODULES: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  ffn_norm: 'post_attention_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

/** The name of Hugging Face's checkpoints for a name of GGUF; the same name where there is none. */
export function logicalName(name: string): string {
  const [, layer, module, kind] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const modules = layer === undefined ? MODULES : LAYER_MODULES;
  if (module === undefined || !Object.hasOwn(modules, module)) return name;
  const path = layer === undefined ? modules[module] : `model.layers.${layer}.${modules[module]}`;
  return `${path}.${kind}`;
}
