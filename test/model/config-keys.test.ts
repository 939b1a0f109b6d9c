import t from 'tap';
import { build, OLD_LLAMA, refuses } from './config-support.js';

t.test(
  'a key that may change the result and is not understood is refused, one that is off or harmless passes',
  (t) => {
    refuses(t, { ...OLD_LLAMA, final_logit_softcapping: 30 }, 'final_logit_softcapping', 'not understood');
    refuses(t, { ...OLD_LLAMA, num_local_experts: 8 }, 'num_local_experts', 'not understood');
    refuses(t, { ...OLD_LLAMA, hidden_act: 'relu' }, 'hidden_act', '"relu" is not supported; known: silu');
    const harmless = {
      pretraining_tp: 1,
      _name_or_path: 'x',
      rope_interleaved: false,
      num_experts: 0,
      pruned_heads: {},
      quantization_config: { quant_method: 'gptq', bits: 4 },
    };
    t.ok(build({ ...OLD_LLAMA, ...harmless }));
    t.end();
  },
);
