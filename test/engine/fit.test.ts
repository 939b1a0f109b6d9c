import t from 'tap';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { type FitDevice, fitsOf } from '#halflight/engine/fit.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { fable } from '../support/models.js';

const MB = 1e6;
const config = await parseModelConfig(fable);
const checkpoint = await openCheckpoint(fable);
t.teardown(() => checkpoint.close());

const DEVICE: FitDevice = { memory: null, computeType: 'f16', kvType: 'f16' };
const options = (gpuMemoryLimitBytes: number | null, changes = {}) => ({
  ...ENGINE_DEFAULTS,
  gpuMemoryLimitBytes,
  ...changes,
});
const fits = (bytes: number | null, changes = {}, device = DEVICE) =>
  fitsOf(checkpoint, config, options(bytes, changes), device, ['int8', 'int4']) ?? [];

t.test('what is left beside weights and activations holds so many tokens', (t) => {
  const [stored] = fits(20 * MB);
  // 4 layers, K and V of 2 heads of 64 in f16.
  const tokenBytes = 4 * 2 * 2 * 64 * 2;
  t.equal(stored.leftBytes, 20 * MB - stored.weightBytes - stored.activationBytes);
  t.equal(stored.kvTokens, Math.floor(stored.leftBytes / tokenBytes / 16) * 16);
  t.equal(stored.sequences, stored.kvTokens / 1024);
  t.match(stored, { quantization: null, fits: true, offloadLayers: 0 });
  t.equal(fits(20 * MB, { maxModelLen: 512 })[0].sequences > 2 * stored.sequences, true);
  t.end();
});

t.test('each format is told, from the checkpoint’s own on', (t) => {
  const rows = fits(14.5 * MB);
  t.strictSame(
    rows.map(({ quantization }) => quantization),
    [null, 'int8', 'int4'],
  );
  t.ok(rows[0].weightBytes > rows[1].weightBytes && rows[1].weightBytes > rows[2].weightBytes);
  t.strictSame(
    rows.map((row) => row.fits),
    [false, true, true],
  );
  t.end();
});

t.test('where weights do not fit, layers in host memory may make room', (t) => {
  const layers = (bytes: number) => fits(bytes)[0].offloadLayers;
  t.equal(layers(14.5 * MB), 3);
  t.equal(layers(5 * MB), null);
  t.end();
});

t.test('memory that is shared with the host is not counted whole', (t) => {
  const memory = { totalBytes: 100 * MB, usedBytes: 10 * MB, maxShare: 0.25 };
  const [own] = fits(null, {}, { ...DEVICE, memory: { ...memory, maxShare: 1 } });
  const [shared] = fits(null, {}, { ...DEVICE, memory });
  t.equal(own.leftBytes, 80 * MB - own.weightBytes - own.activationBytes);
  t.ok(shared.kvTokens < own.kvTokens);
  t.ok(shared.kvTokens * 2048 <= 25 * MB);
  t.end();
});

t.test('without a memory there is nothing to tell, and formats that change nothing are left out', (t) => {
  t.equal(fitsOf(checkpoint, config, options(null), DEVICE, ['int8']), null);
  const same = fitsOf(checkpoint, config, options(MB), DEVICE, ['int4', 'int4-g32']);
  t.equal(same?.length, 2);
  t.end();
});
