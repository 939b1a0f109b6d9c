import t from 'tap';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { createExpertActivations } from '#halflight/model/experts.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { codeWords } from '#halflight/ops/int8.js';
import { tinyDir } from '../support/tiny.js';

t.test('there is room for every route of a step, and for nothing in a model without experts', async (t) => {
  const ops = new CpuOps();
  const config = await parseModelConfig(tinyDir('qwen3_moe'));
  const act = createExpertActivations(ops, config, 10, 'int8');
  t.match(act, {
    logits: { rows: 10, cols: 8 },
    routing: { numExperts: 8, topK: 2 },
    gateUp: { rows: 20, cols: 128 },
    activated: { rows: 20, cols: 64 },
    outputs: { rows: 20, cols: 64, type: 'f32' },
    codes: { rows: 20, cols: codeWords(64) },
  });
  t.equal(createExpertActivations(ops, config, 10, 'float')?.codes, null);
  const dense = await parseModelConfig(tinyDir('llama'));
  t.equal(createExpertActivations(ops, dense, 10, 'float'), null);
});
