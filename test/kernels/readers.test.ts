import t from 'tap';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { otherFormatCases } from '../support/cases.js';
import { compareWithReference } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { OPERATION_TOLERANCES } from '../support/tolerances.js';

// The first compilation takes a software adapter a minute or more.
t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

// One product and one look-up: no kernel knows its reader, and each costs a compilation.
t.test('every other way to read a weight gives the weights of the reference', async (t) => {
  t.setTimeout(280_000);
  const ops = new WebGpuOps(device, 'f32');
  for (const [name, run] of otherFormatCases(1)) {
    t.equal(await compareWithReference(ops, run, OPERATION_TOLERANCES.f32), null, name);
  }
});
