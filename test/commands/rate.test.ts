import t from 'tap';
import { RateMeter } from '#halflight/commands/rate.js';

t.test('the rate is that of the last ten seconds', (t) => {
  const meter = new RateMeter();
  t.equal(meter.update(0, 10_000, 0), null);
  t.equal(meter.update(10, 10_000, 100), null, 'too early to tell');
  t.strictSame(meter.update(1000, 10_000, 1000), { perSecond: 1000, secondsLeft: 9 });
  meter.update(1000, 10_000, 11_000);
  t.equal(meter.update(1000, 10_000, 12_000), null, 'it stands still');
  t.strictSame(meter.update(1400, 10_000, 15_000), { perSecond: 100, secondsLeft: 86 });
  t.end();
});

t.test('it starts anew where the amount falls', (t) => {
  const meter = new RateMeter();
  meter.update(0, 1000, 0);
  meter.update(500, 1000, 1000);
  t.equal(meter.update(0, 1000, 1300), null);
  t.strictSame(meter.update(100, 1000, 2300), { perSecond: 100, secondsLeft: 9 });
  t.end();
});
