import t from 'tap';
import { sameAsReference } from '../support/references.js';
import { tinyDir } from '../support/tiny.js';

// Each family brings kernels of its own, which a software adapter takes seconds to compile.
t.setTimeout(280_000);

for (const model of [
  'smollm3',
  'olmo2',
  'granite',
  'phi3',
  'gemma2',
  'gemma3',
  'gpt2',
  'gpt_neox',
  'mixtral',
  'qwen3_moe',
  'gpt_oss',
] as const) {
  sameAsReference(t, tinyDir(model), 'float32');
}
// Norms after the blocks with soft caps, LayerNorm, and experts: what runs in f16 otherwise than in the families of references.test.ts.
for (const model of ['gemma2', 'gpt_neox', 'mixtral'] as const) sameAsReference(t, tinyDir(model), 'float16');
