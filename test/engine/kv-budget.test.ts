import t from 'tap';
import { kvCacheBudget, memoryLimit } from '#halflight/engine/kv-budget.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';

const MIB = 2 ** 20;
const MEMORY = { totalBytes: 1000 * MIB, usedBytes: 100 * MIB, maxShare: 1 };
const MODEL = { weights: 300 * MIB, activations: 50 * MIB };
const SEQUENCE = { tokenBytes: MIB / 8, maxPositions: 4096 };
const OPTIONS = { ...ENGINE_DEFAULTS, maxModelLen: null };

t.test('the cache gets what the share of the memory leaves beside others, weights and activations', (t) => {
  t.equal(kvCacheBudget(OPTIONS, MEMORY, MODEL, SEQUENCE), 450 * MIB);
  const half = { ...OPTIONS, gpuMemoryUtilization: 0.6 };
  t.equal(kvCacheBudget(half, MEMORY, MODEL, SEQUENCE), 150 * MIB);
  t.end();
});

t.test('memory that is shared with the host is not taken whole', (t) => {
  t.equal(kvCacheBudget(OPTIONS, { ...MEMORY, maxShare: 0.25 }, MODEL, SEQUENCE), 250 * MIB);
  t.end();
});

t.test('what was asked for is taken as it is, whatever the device has', (t) => {
  const asked = { ...OPTIONS, kvCacheMemoryBytes: 77 };
  t.equal(kvCacheBudget(asked, MEMORY, MODEL, SEQUENCE), 77);
  t.equal(kvCacheBudget(asked, null, MODEL, SEQUENCE), 77);
  t.end();
});

t.test('a device that does not tell its memory gets a modest cache', (t) => {
  t.equal(kvCacheBudget(OPTIONS, null, MODEL, SEQUENCE), 1024 * MIB);
  t.end();
});

t.test('too little for a sequence of 1,024 tokens is refused with the figures and the ways out', (t) => {
  const full = { ...MEMORY, usedBytes: 450 * MIB };
  t.throws(() => kvCacheBudget(OPTIONS, full, MODEL, SEQUENCE), {
    name: 'UserError',
    message:
      '--gpu-memory-utilization: 0.9 of 1,000 MiB leaves 100 MiB for the KV cache (weights take 300 MiB, activations 50 MiB, ' +
      'others 450 MiB), and 1024 tokens need 128 MiB; raise it, set --kv-cache-memory, lower --max-model-len, ' +
      'or keep layers in host memory with --offload-layers auto',
  });
  t.throws(() => kvCacheBudget(OPTIONS, { ...full, usedBytes: 900 * MIB }, MODEL, SEQUENCE), {
    message: /leaves 0 MiB/,
  });
  t.equal(kvCacheBudget({ ...OPTIONS, maxModelLen: 800 }, full, MODEL, SEQUENCE), 100 * MIB);
  t.equal(kvCacheBudget(OPTIONS, full, MODEL, { ...SEQUENCE, maxPositions: 512 }), 100 * MIB);
  t.end();
});

t.test('a length that is asked for must fit whole', (t) => {
  const full = { ...MEMORY, usedBytes: 450 * MIB };
  const asked = { ...OPTIONS, maxModelLen: 2048 };
  t.equal(kvCacheBudget(asked, MEMORY, MODEL, SEQUENCE), 450 * MIB);
  t.throws(() => kvCacheBudget(asked, { ...full, usedBytes: 350 * MIB }, MODEL, SEQUENCE), {
    message: /leaves 200 MiB for the KV cache .*, and 2048 tokens need 256 MiB/,
  });
  const beyond = { ...OPTIONS, maxModelLen: 2 ** 24 };
  t.equal(
    kvCacheBudget(beyond, { ...full, usedBytes: 0 }, MODEL, SEQUENCE),
    550 * MIB,
    'no more than the model has',
  );
  t.end();
});

t.test('a limit bounds all that the engine takes, also of a device that does not tell', (t) => {
  const limited = { ...OPTIONS, gpuMemoryLimitBytes: 500 * MIB };
  t.equal(memoryLimit(OPTIONS, MEMORY), 800 * MIB);
  t.equal(memoryLimit(limited, MEMORY), 500 * MIB);
  t.equal(memoryLimit({ ...limited, gpuMemoryLimitBytes: 2000 * MIB }, MEMORY), 800 * MIB);
  t.equal(memoryLimit(limited, null), 500 * MIB);
  t.equal(memoryLimit(OPTIONS, null), null);
  for (const memory of [MEMORY, null])
    t.equal(kvCacheBudget(limited, memory, MODEL, SEQUENCE), 150 * MIB, 'less weights and activations');
  t.throws(() => kvCacheBudget({ ...limited, gpuMemoryLimitBytes: 400 * MIB }, null, MODEL, SEQUENCE), {
    message:
      /^--gpu-memory-limit: 400 MiB leaves 50 MiB for the KV cache \(weights take 300 MiB, activations 50 MiB\)/,
  });
  t.end();
});

t.test('a cache that was asked for may not break the limit', (t) => {
  const asked = { ...OPTIONS, kvCacheMemoryBytes: 200 * MIB, gpuMemoryLimitBytes: 550 * MIB };
  t.equal(kvCacheBudget(asked, MEMORY, MODEL, SEQUENCE), 200 * MIB);
  t.throws(() => kvCacheBudget({ ...asked, gpuMemoryLimitBytes: 549 * MIB }, MEMORY, MODEL, SEQUENCE), {
    name: 'UserError',
    message: /^--gpu-memory-limit: 549 MiB are less than --kv-cache-memory, .* together, 550 MiB$/,
  });
  t.end();
});
