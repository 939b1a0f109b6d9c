import t from 'tap';
import { measureOffload, offloadLine } from '#halflight/engine/offload-rate.js';
import { CpuOps } from '#halflight/ops/cpu.js';

t.test('two layers are copied to tell what all of them cost', async (t) => {
  const ops = new CpuOps();
  const brought: number[] = [];
  ops.bring = (weights?: { bytes: number }) => void brought.push(weights?.bytes ?? 0);
  const small = ops.tensor(1, 1, 'u32', 'activations');
  const weights = [1000, 2000, 3000].map((bytes) => ({ bytes, copies: [] }));
  const cost = await measureOffload(ops, [weights.slice(0, 2), [], [weights[2]]], small);
  t.match(cost, { numHostLayers: 3, bytes: 6000 });
  t.ok(cost !== null && cost.ms > 0);
  t.strictSame(brought, [1000, 2000, 1000, 2000, 1000, 2000]);
  t.equal(await measureOffload(ops, [[], []], small), null);
});

t.test('the cost is told in bytes, time and rate', (t) => {
  t.equal(
    offloadLine({ numHostLayers: 40, bytes: 20e9, ms: 1000 }),
    'offload: 40 layers in host memory; every step copies 20.0 GB to the device, 1.000 s at the 20.0 GB/s measured',
  );
  t.end();
});
