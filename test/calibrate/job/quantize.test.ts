import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseMethod } from '#halflight/calibrate/job/methods.js';
import { partialOf, preparePartial } from '#halflight/calibrate/job/outputs.js';
import { fingerprintOf, quantizeModel } from '#halflight/calibrate/job/quantize.js';
import { copyTinyModel, temporaryFolder } from '../../support/models.js';
import { planTiny } from './support.js';

const OPTIONS = { model: 'tiny', scheme: 'int4', method: 'rtn', format: 'gptq', keep: [], withTables: false };

async function requestOf(t: Test) {
  const modelDir = await copyTinyModel(t);
  return {
    ...(await planTiny(t, 'llama', 'int4', { format: 'gptq' })),
    method: parseMethod('rtn').method,
    inputs: null,
    onProgress: () => undefined,
    modelDir,
    out: join(await temporaryFolder(t), 'out'),
    version: '1.0.0',
    options: OPTIONS,
    calibration: null,
    fingerprint: 'int4',
    startMs: performance.now(),
  };
}

t.test('a model has its name only when it is whole', async (t) => {
  const request = await requestOf(t);
  const { out } = request;
  await preparePartial(out, false);
  const ends = () => {
    t.notOk(existsSync(out));
  };
  const report = await quantizeModel({ ...request, onProgress: ends });
  t.ok(existsSync(join(out, 'config.json')) && !existsSync(partialOf(out)));
  t.match(report, {
    options: OPTIONS,
    calibration: null,
    files: [{ name: 'config.json', sha256: /^[0-9a-f]{64}$/ }],
  });
});

t.test('what is left of a job with other options is refused', async (t) => {
  const request = await requestOf(t);
  await preparePartial(request.out, false);
  const stop = () => {
    throw new Error('killed');
  };
  await t.rejects(quantizeModel({ ...request, onProgress: stop }), /killed/);
  t.ok(existsSync(partialOf(request.out)) && !existsSync(request.out));
  const other = {
    ...request,
    fingerprint: await fingerprintOf({ ...request, options: { ...OPTIONS, scheme: 'int8' } }),
  };
  await t.rejects(quantizeModel(other), { name: 'UserError', message: /is of another job/ });
  await quantizeModel(request);
});
