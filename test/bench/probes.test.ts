import t from 'tap';
import { measureAdapter, measureRates } from '#halflight/bench/probes.js';
import { openGpu, requestAdapter, summarizeAdapter } from '#halflight/webgpu/adapter.js';
import { testDevice } from '../support/device.js';

t.setTimeout(120_000);

const TIMING = { repeats: 1, targetMs: 1 };

t.test('the rates of an adapter are those of work that it did', async (t) => {
  const device = await testDevice();
  const { copiedBytes, copyBytesPerSecond, fmasPerSecond, dispatchMicroseconds } = await measureRates(
    device,
    true,
    TIMING,
  );
  device.destroy();
  // No machine is slower, and none has a petabyte or a peta-operation each second.
  t.ok(copyBytesPerSecond > 1e6 && copyBytesPerSecond < 1e15, `${copyBytesPerSecond} B/s`);
  t.ok(fmasPerSecond > 1e6 && fmasPerSecond < 1e15, `${fmasPerSecond}/s`);
  t.ok(dispatchMicroseconds > 0 && dispatchMicroseconds < 1e6, `${dispatchMicroseconds} µs`);
  t.equal(copiedBytes, 2 ** 26);
});

t.test('the adapter is told with its rates', async (t) => {
  const { adapter, rates } = await measureAdapter(TIMING, { device: 'webgpu', requireGpu: false });
  t.ok(adapter.name.length > 0);
  t.ok(rates.copyBytesPerSecond > 0);
});

t.test('only the device that is asked for is measured, and only a GPU where one is required', async (t) => {
  const device = 'Voodoo 2';
  await t.rejects(measureAdapter(TIMING, { device, requireGpu: false }), { message: /^--device: Voodoo 2/ });
  const { software } = summarizeAdapter(await requestAdapter(openGpu()));
  const required = measureAdapter(TIMING, { device: 'webgpu', requireGpu: true });
  if (software) await t.rejects(required, { message: /^--require-gpu: .* is no GPU/ });
  else t.equal((await required).adapter.software, false);
});
