import t from 'tap';
import { isGoodputLimit, parseGoodput } from '#halflight/bench/serve/goodput.js';
import { refuses } from '../../support/commands.js';

t.test('limits are read from one text or several', (t) => {
  t.strictSame(parseGoodput(['ttft:500', 'tpot:50'], '--goodput'), { ttft: 500, tpot: 50 });
  t.strictSame(parseGoodput(['ttft:500, e2el:1500.5'], '--goodput'), { ttft: 500, e2el: 1500.5 });
  t.equal(parseGoodput([], '--goodput'), null);
  t.ok(isGoodputLimit('itl:30'));
  t.notOk(isGoodputLimit('http://127.0.0.1'));
  t.end();
});

t.test('a limit of another metric, or no time, is refused', async (t) => {
  for (const text of ['speed:5', 'ttft', 'ttft:', 'ttft:0', 'ttft:-1', 'ttft:1:2', 'ttft:fast'])
    await refuses(
      t,
      () => parseGoodput([text], '--goodput'),
      /^--goodput: ".*" is no limit such as ttft:500/,
    );
});
