import t from 'tap';
import { build, MISTRAL, OLD_LLAMA, QWEN2, refuses } from './config-support.js';

t.test('sliding windows of Qwen start at max_window_layers, or where layer_types says', (t) => {
  const sliding = { ...QWEN2, use_sliding_window: true, sliding_window: 16 };
  t.strictSame(build({ ...sliding, max_window_layers: 1 }).slidingWindows, [null, 16, 16]);
  t.strictSame(build({ ...sliding }).slidingWindows, [null, null, null]);
  t.strictSame(build({ ...QWEN2, sliding_window: 16, max_window_layers: 0 }).slidingWindows, [
    null,
    null,
    null,
  ]);
  const layer_types = ['sliding_attention', 'full_attention', 'sliding_attention'];
  t.strictSame(build({ ...sliding, layer_types }).slidingWindows, [16, null, 16]);
  refuses(t, { ...QWEN2, layer_types }, 'layer_types', 'contradicts');
  refuses(t, { ...sliding, sliding_window: null, layer_types }, 'sliding_window', 'missing');
  refuses(t, { ...sliding, layer_types: layer_types.slice(1) }, 'layer_types', '2 entries for 3 layers');
  refuses(t, { ...sliding, layer_types: [1, 2, 3] }, 'layer_types', 'holds 1');
  refuses(t, { ...OLD_LLAMA, layer_types }, 'layer_types', 'contradicts');
  refuses(t, { ...OLD_LLAMA, sliding_window: 16 }, 'sliding_window', 'not understood');
  refuses(t, { ...MISTRAL, sliding_window: 0 }, 'sliding_window', 'from 1');
  t.end();
});

t.test('layers of Gemma slide by their pattern, or where layer_types says', (t) => {
  const gemma2 = { ...OLD_LLAMA, architectures: ['Gemma2ForCausalLM'], sliding_window: 16 };
  t.strictSame(build(gemma2).slidingWindows, [16, null, 16]);
  t.strictSame(build({ ...gemma2, sliding_window_pattern: 3 }).slidingWindows, [16, 16, null]);
  const layer_types = ['full_attention', 'full_attention', 'sliding_attention'];
  t.strictSame(build({ ...gemma2, layer_types }).slidingWindows, [null, null, 16]);
  t.end();
});

t.test('all layers of Qwen3-MoE slide where use_sliding_window is true', (t) => {
  const experts = { num_experts: 8, num_experts_per_tok: 2, moe_intermediate_size: 64 };
  const moe = { ...OLD_LLAMA, ...experts, architectures: ['Qwen3MoeForCausalLM'], sliding_window: 16 };
  t.strictSame(build({ ...moe, max_window_layers: 2 }).slidingWindows, [null, null, null]);
  t.strictSame(build({ ...moe, use_sliding_window: true }).slidingWindows, [16, 16, 16]);
  t.end();
});

t.test('every second layer of gpt-oss slides, the first one too', (t) => {
  const experts = { num_local_experts: 4, num_experts_per_tok: 2 };
  const gptOss = { ...OLD_LLAMA, ...experts, architectures: ['GptOssForCausalLM'] };
  t.strictSame(build(gptOss).slidingWindows, [128, null, 128]);
  t.end();
});

t.test('layers of SmolLM3 slide only where layer_types says', (t) => {
  const smollm3 = { ...OLD_LLAMA, architectures: ['SmolLM3ForCausalLM'], sliding_window: 16 };
  t.strictSame(build(smollm3).slidingWindows, [null, null, null]);
  const layer_types = ['full_attention', 'full_attention', 'sliding_attention'];
  const sliding = { ...smollm3, use_sliding_window: true };
  t.strictSame(build({ ...sliding, layer_types }).slidingWindows, [null, null, 16]);
  refuses(t, { ...smollm3, layer_types }, 'layer_types', 'contradicts');
  refuses(t, sliding, 'layer_types', 'missing');
  t.end();
});
