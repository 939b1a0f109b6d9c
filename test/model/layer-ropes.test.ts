import t from 'tap';
import { build, OLD_LLAMA, refuses } from './config-support.js';

const SMOLLM3 = { ...OLD_LLAMA, architectures: ['SmolLM3ForCausalLM'] };
const { rope_theta: _theta, rope_scaling: _scaling, ...REST } = OLD_LLAMA;
const GEMMA3 = { ...REST, architectures: ['Gemma3ForCausalLM'], head_dim: 16 };

t.test('layers of SmolLM3 rotate as no_rope_layers says, or all but every fourth', (t) => {
  const dims = (config: object) => build({ ...SMOLLM3, ...config }).ropes.map(({ rotaryDim }) => rotaryDim);
  t.strictSame(dims({ no_rope_layers: [1, 0, 1] }), [16, 0, 16]);
  t.strictSame(dims({ no_rope_layer_interval: 2 }), [16, 0, 16]);
  t.strictSame(dims({ num_hidden_layers: 4 }), [16, 16, 16, 0]);
  refuses(t, { ...SMOLLM3, no_rope_layers: [1] }, 'no_rope_layers', '1 entries for 3 layers');
  refuses(t, { ...SMOLLM3, no_rope_layers: [1, 2, 3] }, 'no_rope_layers', 'holds 2');
  refuses(t, { ...OLD_LLAMA, no_rope_layers: [1, 1, 1] }, 'no_rope_layers', 'not understood');
  t.end();
});

t.test('sliding layers of Gemma 3 have a rotation of their own, in both generations', (t) => {
  const scaling = { rope_type: 'linear', factor: 8 };
  const older = build({ ...GEMMA3, rope_scaling: scaling, sliding_window_pattern: 3, sliding_window: 16 });
  const local = { type: 'default', theta: 10_000, rotaryDim: 16 };
  const full = { type: 'linear', theta: 1_000_000, rotaryDim: 16, factor: 8 };
  t.strictSame(older.ropes, [local, local, full]);
  t.equal(older.ropes[0], older.ropes[1]);
  t.strictSame(older.slidingWindows, [16, 16, null]);
  const rope_parameters = {
    full_attention: { ...scaling, rope_theta: 1_000_000 },
    sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
  };
  const layer_types = ['sliding_attention', 'sliding_attention', 'full_attention'];
  const newer = build({ ...GEMMA3, rope_parameters, layer_types });
  t.strictSame(newer.ropes, older.ropes);
  t.end();
});

t.test('a family with learned positions rotates nothing', (t) => {
  const config = { architectures: ['GPT2LMHeadModel'], n_embd: 64, n_head: 4, n_layer: 1, n_positions: 8 };
  t.strictSame(build({ ...config, vocab_size: 9 }).ropes, [{ type: 'none', theta: 1, rotaryDim: 0 }]);
  t.end();
});
