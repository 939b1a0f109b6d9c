import t from 'tap';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { ropeTensors } from '#halflight/model/gguf-rope-tensors.js';
import { tinyDir } from '../support/tiny.js';

t.test('Llama 3’s divisors go from 1 to the factor', async (t) => {
  const [{ name, shape, read }, ...others] = ropeTensors(await parseModelConfig(tinyDir('llama')));
  t.equal(name, 'rope_freqs.weight');
  t.same(others, []);
  const values = [...(await read())];
  t.same(shape, [values.length]);
  t.equal(values[0], 1);
  t.equal(values.at(-1), 8);
  t.same(
    values,
    [...values].sort((a, b) => a - b),
  );
});

t.test('LongRoPE has two tables, other rotations none', async (t) => {
  const config = await parseModelConfig(tinyDir('phi3'));
  t.same(ropeTensors(config), []);
  const rope = {
    type: 'longrope',
    theta: 1e4,
    rotaryDim: 4,
    short: [1, 2],
    long: [3, 4],
    originalMaxPositions: 64,
    attentionFactor: 1,
  } as const;
  const tables = ropeTensors({ ...config, ropes: config.ropes.map(() => rope) });
  t.same(
    tables.map(({ name }) => name),
    ['rope_factors_long.weight', 'rope_factors_short.weight'],
  );
  t.same([...(await tables[0].read())], [3, 4]);
});
