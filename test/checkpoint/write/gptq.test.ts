import t from 'tap';
import { gptq } from '#halflight/checkpoint/write/gptq.js';
import { coded, integers, readsBack, specOf } from './support.js';

t.test(
  'codes and scales of symmetric models are read back as they were, also groups of another size',
  async (t) => {
    await readsBack(t, gptq, [
      specOf('a.b', [8, 192], integers(4, 64)),
      specOf('a.c', [16, 128], integers(4, 64)),
      specOf('a.d', [8, 96], integers(4, 32)),
    ]);
    for (const bits of [2, 3, 8] as const)
      await readsBack(t, gptq, [specOf('a', [32, 64], integers(bits, 32))]);
  },
);

t.test('zero points too', async (t) => {
  for (const bits of [2, 3, 4, 8] as const) {
    await readsBack(t, gptq, [specOf('a', [32, 64], integers(bits, 32, { zeroPoints: true }))]);
  }
});

t.test('symmetric models are written in the version that every reader knows', (t) => {
  const spec = specOf('a', [8, 64], integers(4, 32));
  const zeros = gptq.pack(spec, coded(spec), null).find(({ name }) => name === 'a.qzeros');
  t.strictSame(zeros?.data, Uint32Array.of(0x77777777, 0x77777777));
  t.match(gptq.config([spec], []), { checkpoint_format: 'gptq', sym: true, bits: 4, group_size: 32 });
  const asymmetric = specOf('a', [8, 64], integers(4, 32, { zeroPoints: true }));
  t.match(gptq.config([asymmetric], []), { checkpoint_format: 'gptq_v2', sym: false });
  t.end();
});

t.test(
  'modules that stay floats, and those with other groups, are told by patterns that match no other',
  (t) => {
    const specs = ['m.1', 'm.2'].map((module) => specOf(module, [8, 128], integers(4, 128)));
    const config = gptq.config([...specs, specOf('m.3', [8, 96], integers(4, 32))], ['lm_head', 'm.10']);
    const { dynamic } = config as { dynamic: Record<string, object> };
    t.strictSame(Object.keys(dynamic), ['-:lm_head$', '-:m\\.10$', '+:m\\.3$']);
    t.match(dynamic['+:m\\.3$'], { group_size: 32 });
    t.end();
  },
);

t.test('shapes that fill no whole words are refused', (t) => {
  t.match(gptq.problem(specOf('a', [8, 36], integers(4, null))), /36 inputs of 4 bits fill no whole words/);
  t.match(gptq.problem(specOf('a', [12, 64], integers(4, 32))), /12 outputs/);
  t.match(gptq.problem(specOf('a', [8, 64], integers(8, null), 'int8')), /activations/);
  t.match(gptq.problem(specOf('a', [8, 64], { ...integers(4, 64), reader: 'table4' })), /integers/);
  t.equal(gptq.problem(specOf('a', [8, 64], integers(4, 32))), null);
  t.end();
});
