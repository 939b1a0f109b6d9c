import t from 'tap';
import { writableTiny, writtenModel } from '../support/gguf-written.js';

t.test(
  'experts of a layer are one tensor, whether their modules are single, halves of one, or take turns',
  async (t) => {
    for (const model of ['mixtral', 'qwen3_moe', 'gpt_oss'] as const) {
      const { parts, config } = await writtenModel(t, await writableTiny(t, model));
      const { numExperts, intermediateSize } = config.experts ?? { numExperts: 0, intermediateSize: 0 };
      const { hiddenSize } = config;
      const shapes = new Map(parts.map(({ name, shape }) => [name, shape]));
      t.same(shapes.get('blk.0.ffn_gate_exps.weight'), [numExperts, intermediateSize, hiddenSize], model);
      t.same(shapes.get('blk.0.ffn_down_exps.weight'), [numExperts, hiddenSize, intermediateSize]);
      t.same(shapes.get('blk.0.ffn_gate_inp.weight'), [numExperts, hiddenSize]);
      t.equal(shapes.has('blk.0.ffn_up_exps.bias'), model === 'gpt_oss');
      for (const { name, shape, read } of parts.filter(({ name }) => name.includes('_exps')))
        t.equal(
          (await read()).length,
          shape.reduce((a, b) => a * b, 1),
          name,
        );
    }
  },
);
