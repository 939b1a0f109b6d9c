import t from 'tap';
import { parseMethod } from '#halflight/calibrate/job/methods.js';
import { measureRate, preflight } from '#halflight/calibrate/job/preflight.js';
import { planTiny } from './support.js';

const { method: RTN } = parseMethod('rtn');

t.test('tells sizes, memory, formats and exceptions', async (t) => {
  const { plan } = await planTiny(t, 'llama', 'int4-g256');
  const told = preflight(plan, RTN);
  t.equal(told.outputBytes, plan.shards.totalBytes);
  t.ok(told.outputBytes < told.sourceBytes);
  t.equal(
    [...told.formats.values()].reduce((sum, count) => sum + count),
    told.exceptions.length,
  );
  const largest = Math.max(...plan.tasks.map(({ info }) => info.bytes));
  t.ok(told.peakBytes >= largest);
  t.ok(preflight(plan, { ...RTN, needs: 'hessian' }).peakBytes > told.peakBytes, 'a Hessian takes memory');
});

t.test('experts are told where a method does otherwise to them than to the rest', async (t) => {
  const { plan } = await planTiny(t, 'mixtral', 'int4');
  const experts = plan.tasks.map(({ info }) => info.name).filter((name) => name.includes('.experts.'));
  const notes = {
    imatrix: /errors all count alike$/,
    awq: /errors all count alike$/,
    gptq: /^rounded to nearest: nothing is known/,
    'gptq-act-order': /^rounded to nearest: nothing is known/,
    'awq-gptq': /^rounded to nearest: nothing is known/,
    smoothquant: /^rounded to nearest alone: nothing is folded/,
    'smoothquant-gptq': /^rounded to nearest: nothing is known/,
  };
  for (const [name, note] of Object.entries(notes)) {
    const { exceptions } = preflight(plan, parseMethod(name).method);
    t.strictSame(
      exceptions.map(({ tensor }) => tensor),
      experts,
      name,
    );
    t.ok(exceptions.every((exception) => note.test(exception.note)));
  }
  for (const name of ['rtn', 'rtn-search', 'hqq'])
    t.strictSame(preflight(plan, parseMethod(name).method).exceptions, [], `${name} treats all alike`);
});

t.test('measures how fast this machine rounds, also matrices that lie by inputs', async (t) => {
  const { method } = parseMethod('rtn');
  for (const model of ['llama', 'gpt2'] as const) {
    const { checkpoint, plan } = await planTiny(t, model, 'int4', { format: 'gptq' });
    t.ok(Number(await measureRate(checkpoint, plan, method)) > 1000);
    t.equal(await measureRate(checkpoint, plan, { ...method, needs: 'hessian' }), null);
  }
});
