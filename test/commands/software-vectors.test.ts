import t from 'tap';
import { readSoftwareVulkan, softwareVectors } from '#halflight/commands/software-vectors.js';

const CPU = new Set(['avx2', 'avx512f', 'avx512bw', 'avx512dq', 'avx512vl']);
const FAST = { cpuFlags: CPU, versions: ['1.4.354'] };
const ENV = { XDG_CACHE_HOME: '/cache' };

t.test(
  'wide vectors are asked for, with a cache of their own, where processor and driver have them',
  async (t) => {
    const wide = { LP_NATIVE_VECTOR_WIDTH: '512', MESA_SHADER_CACHE_DIR: '/cache/halflight/shaders-512' };
    t.strictSame(softwareVectors(FAST, ENV), wide);
    for (const version of ['1.4.355', '1.5.0', '2.0.0'])
      t.strictSame(softwareVectors({ ...FAST, versions: [version] }, ENV), wide, version);
  },
);

t.test('an old driver, none, or one of several that is old keeps its own width', async (t) => {
  for (const versions of [['1.4.305'], ['1.3.999'], [], [''], ['1.4.354', '1.4.305']])
    t.strictSame(softwareVectors({ ...FAST, versions }, ENV), {}, versions.join());
});

t.test('a processor without any of the instructions keeps it', async (t) => {
  for (const flag of ['avx512f', 'avx512bw', 'avx512dq', 'avx512vl']) {
    const cpuFlags = new Set([...CPU].filter((name) => name !== flag));
    t.strictSame(softwareVectors({ ...FAST, cpuFlags }, ENV), {}, flag);
  }
});

t.test('what the user has set stays', async (t) => {
  t.strictSame(softwareVectors(FAST, { ...ENV, LP_NATIVE_VECTOR_WIDTH: '256' }), {});
  t.strictSame(softwareVectors(FAST, { ...ENV, MESA_SHADER_CACHE_DIR: '/other' }), {});
});

t.test("this machine's processor and drivers are read without a fault", async (t) => {
  const { cpuFlags, versions } = readSoftwareVulkan(process.env);
  t.ok(cpuFlags.size > 0 || process.platform !== 'linux' || process.arch !== 'x64');
  t.ok(versions.every((version) => typeof version === 'string'));
});
