import t from 'tap';
import { fitLines, fitReports } from '#halflight/commands/fit-report.js';
import { openModelDirectory } from '#halflight/engine/device-model.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { fable } from '../support/models.js';

const FIT = {
  quantization: null,
  weightBytes: 16e9,
  activationBytes: 1e8,
  leftBytes: 0,
  kvTokens: 0,
  sequences: 0,
  fits: false,
  offloadLayers: 12,
};

t.test('a table says what fits, and how many layers must stay in host memory where it does not', (t) => {
  const small = {
    ...FIT,
    quantization: 'int4',
    weightBytes: 5e9,
    kvTokens: 12_800,
    sequences: 1.5625,
    fits: true,
  };
  const fits = [FIT, { ...FIT, quantization: 'int8', offloadLayers: null }, small];
  t.strictSame(fitLines({ on: 'a card', limitBytes: 8e9, maxModelLen: 8192, fits }), [
    '',
    '  within 8.00 GB (a card):',
    '  weights      bytes  KV tokens  requests of 8,192                      fits',
    '  as stored  16.0 GB                                with --offload-layers 12',
    '  int8       16.0 GB                                                      no',
    '  int4       5.00 GB     12,800                1.6                       yes',
  ]);
  t.end();
});

t.test('this machine and a limit are told apart', async (t) => {
  const source = await openModelDirectory({ modelDir: fable });
  const options = { ...ENGINE_DEFAULTS, quantization: 'int4-g128', gpuMemoryLimitBytes: 20e6 };
  const [here, limit] = await fitReports(source, options);
  const none = await fitReports(source, { ...options, gpuMemoryLimitBytes: null });
  await source.checkpoint.close();
  t.match(here, { on: /llvmpipe/, maxModelLen: 1024 });
  t.match(limit, { on: '--gpu-memory-limit', limitBytes: 20e6 });
  t.strictSame(
    limit.fits.map(({ quantization }) => quantization),
    [null, 'int8', 'int4', 'int3', 'int2', 'int4-g128'],
  );
  t.equal(none.length, 1);
});
