import t from 'tap';
import { TOTALS } from '#halflight/server/engine-totals.js';

t.test('each total of the engine is one counter', (t) => {
  t.ok(TOTALS.every(({ name }) => name.startsWith('vllm:') && name.endsWith('_total')));
  t.equal(new Set(TOTALS.map(({ name }) => name)).size, TOTALS.length);
  t.equal(new Set(TOTALS.map(({ key }) => key)).size, TOTALS.length);
  t.end();
});
