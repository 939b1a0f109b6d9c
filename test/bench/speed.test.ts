import t from 'tap';
import { measureSpeed } from '#halflight/bench/speed.js';
import { tinyOptions } from '../support/tiny.js';

t.test('a model is timed as one request at a time, at the length that this takes', async (t) => {
  const stages = new Set<string>();
  const lengths = { inputLen: 5, outputLen: 4, repeats: 2 };
  const options = tinyOptions('llama', { device: 'cpu' });
  const { prefillThroughput, decodeThroughput, info } = await measureSpeed(options, lengths, ({ stage }) =>
    stages.add(stage),
  );
  t.ok(prefillThroughput > 0 && decodeThroughput > 0);
  t.match(info, { maxModelLen: 9, maxNumSeqs: 1 });
  t.ok(stages.has('weights'));
});
