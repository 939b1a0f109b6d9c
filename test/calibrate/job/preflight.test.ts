import t from 'tap';
import { parseMethod } from '#halflight/calibrate/job/methods.js';
import { measureRate, preflight } from '#halflight/calibrate/job/preflight.js';
import { planTiny } from './support.js';

t.test('tells sizes, memory, formats and exceptions', async (t) => {
  const { plan } = await planTiny(t, 'llama', 'int4-g256');
  const told = preflight(plan, { needs: 'nothing' });
  t.equal(told.outputBytes, plan.shards.totalBytes);
  t.ok(told.outputBytes < told.sourceBytes);
  t.equal(
    [...told.formats.values()].reduce((sum, count) => sum + count),
    told.exceptions.length,
  );
  const largest = Math.max(...plan.tasks.map(({ info }) => info.bytes));
  t.ok(told.peakBytes >= largest);
  t.ok(preflight(plan, { needs: 'hessian' }).peakBytes > told.peakBytes, 'a Hessian takes memory');
});

t.test('measures how fast this machine rounds, also matrices that lie by inputs', async (t) => {
  const { method } = parseMethod('rtn');
  for (const model of ['llama', 'gpt2'] as const) {
    const { checkpoint, plan } = await planTiny(t, model, 'int4', { format: 'gptq' });
    t.ok(Number(await measureRate(checkpoint, plan, method)) > 1000);
    t.equal(await measureRate(checkpoint, plan, { ...method, needs: 'hessian' }), null);
  }
});
