import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { type AdapterFindings, type Findings, report, runDoctor } from '#halflight/commands/doctor.js';
import type { Machine } from '#halflight/commands/machine.js';
import { root } from '../support/paths.js';

const LOADER = '/usr/lib/x86_64-linux-gnu/libvulkan.so.1';
const LAVAPIPE = {
  file: '/usr/share/vulkan/icd.d/lvp_icd.json',
  library: 'libvulkan_lvp.so',
  libraryFound: true,
  apiVersion: '1.4.305',
};
const NVIDIA = {
  file: '/etc/vulkan/icd.d/nvidia_icd.json',
  library: 'libGLX_nvidia.so.0',
  libraryFound: true,
  apiVersion: '1.4.305',
};

const SOFTWARE: AdapterFindings = {
  summary: {
    name: 'llvmpipe',
    vendor: 'mesa',
    backend: 'vulkan',
    driver: 'Mesa 25.0.7',
    software: true,
    f16: true,
    subgroups: true,
  },
  all: ['vulkan: llvmpipe'],
  features: new Set(['shader-f16', 'subgroups']),
  limits: {
    maxBufferSize: 2 ** 32 - 1,
    maxStorageBufferBindingSize: 2 ** 27,
    maxComputeWorkgroupStorageSize: 2 ** 15,
  },
  subgroupSize: '8',
  memory: { totalBytes: 2 ** 34, usedBytes: 0, maxShare: 0.25 },
};

const GPU: AdapterFindings = {
  ...SOFTWARE,
  summary: { ...SOFTWARE.summary, name: 'nvidia-h200', software: false },
  memory: { totalBytes: 141 * 2 ** 30, usedBytes: 2 ** 29, maxShare: 1 },
};

t.test('a machine with an adapter gets its figures and no advice', (t) => {
  const lines = text({ adapter: GPU, machine: { loaders: [LOADER], drivers: [NVIDIA] } });
  t.match(lines, 'Adapter        nvidia-h200 (vulkan)');
  t.match(lines, 'shader-f16, subgroups, no subgroup-matrix, no timestamp-query, subgroup size 8');
  t.match(lines, 'buffer 4 GiB, storage binding 128 MiB, workgroup memory 32 KiB');
  t.match(lines, /Memory +141 GiB, 512 MiB in use by others$/m);
  t.match(lines, 'halflight runs here.');
  t.notMatch(lines, 'As root');
  t.end();
});

t.test('a software adapter is said to be one', (t) => {
  const lines = text({ adapter: SOFTWARE, machine: { loaders: [LOADER], drivers: [LAVAPIPE] } });
  t.match(lines, 'llvmpipe (vulkan, software)');
  t.match(
    lines,
    /Memory +16 GiB, 0 KiB in use by others, of which the KV cache takes a share of 0.25 at most/,
  );
  t.match(lines, 'on a software adapter: right answers, slowly');
  t.end();
});

t.test('without the loader, the commands that install a driver are shown', (t) => {
  const lines = text({ machine: {} });
  t.match(lines, 'libvulkan.so.1) is missing');
  t.match(lines, '  apt-get install mesa');
  t.match(lines, 'cannot run here yet');
  t.end();
});

t.test('with the loader alone, the driver is what is missing', (t) => {
  const lines = text({ machine: { loaders: [LOADER] } });
  t.match(lines, 'no driver (no icd.d');
  t.match(lines, '  apt-get install mesa');
  t.end();
});

t.test('a driver that Dawn refuses is too old', (t) => {
  const lines = text({ machine: { loaders: [LOADER], drivers: [LAVAPIPE] } });
  t.match(lines, 'Mesa must be 25 or newer');
  t.end();
});

t.test('a driver file without its library is named, and matters only while no adapter serves', (t) => {
  const drivers = [{ ...NVIDIA, libraryFound: false }];
  const lines = text({ machine: { loaders: [LOADER], drivers } });
  t.match(lines, `The driver ${NVIDIA.file} is missing, or its library is.`);
  t.match(lines, 'libegl1');
  t.notMatch(text({ adapter: SOFTWARE, machine: { loaders: [LOADER], drivers } }), 'or its library is');
  t.end();
});

t.test('a device that this user may not open leads to its group', (t) => {
  const devices = [{ path: '/dev/dri/renderD128', accessible: false }];
  const lines = text({ adapter: SOFTWARE, machine: { loaders: [LOADER], drivers: [LAVAPIPE], devices } });
  t.match(lines, '/dev/dri/renderD128 (no permission)');
  t.match(lines, 'usermod -aG render');
  t.match(lines, 'stat -c %g /dev/dri/renderD128');
  t.match(lines, 'There is a GPU (/dev/dri/renderD128), but only a software adapter');
  t.end();
});

t.test('an NVIDIA GPU in a container without its Vulkan part leads to the capability', (t) => {
  const devices = [{ path: '/dev/nvidia0', accessible: true }];
  const lines = text({ machine: { loaders: [LOADER], drivers: [LAVAPIPE], devices } });
  t.match(lines, 'NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics');
  t.notMatch(
    text({ machine: { loaders: [LOADER], drivers: [NVIDIA], devices } }),
    'NVIDIA_DRIVER_CAPABILITIES',
  );
  t.end();
});

t.test('an NVIDIA container without the graphics part of the driver leads to it', (t) => {
  const devices = [{ path: '/dev/nvidia0', accessible: true }];
  const told = (nvidiaCapabilities: string | null) => text({ machine: { devices, nvidiaCapabilities } });
  t.match(told('compute,utility'), /NVIDIA_DRIVER_CAPABILITIES is compute,utility: without graphics/);
  for (const given of ['all', 'compute, graphics', null]) t.notMatch(told(given), 'without graphics');
  t.end();
});

t.test('libraries that NVIDIA’s driver lacks are named, with the packages', (t) => {
  const machine = { loaders: [LOADER], drivers: [NVIDIA], missingLibraries: ['libEGL.so.1', 'libXext.so.6'] };
  t.match(
    text({ machine }),
    /driver lacks libEGL\.so\.1, libXext\.so\.6\. As root:\n {2}apt-get .*libegl1.*libxext6/,
  );
  t.match(text({ machine: { ...machine, missingLibraries: [] } }), 'glibc may be older');
  t.notMatch(text({ adapter: GPU, machine }), 'lacks');
  t.end();
});

t.test('an old Mesa is told by its driver file', (t) => {
  const drivers = [{ ...LAVAPIPE, apiVersion: '1.3.230' }];
  const lines = text({ machine: { loaders: [LOADER], drivers } });
  t.match(lines, 'is of Vulkan 1.3.230: Mesa older than 25, which Dawn refuses');
  t.match(lines, '  apt-get install mesa');
  t.notMatch(lines, 'Dawn accepts none');
  t.end();
});

t.test('a container without any GPU leads to how it is given one', (t) => {
  const machine = { loaders: [LOADER], drivers: [LAVAPIPE], isContainer: true };
  const lines = text({ adapter: SOFTWARE, machine });
  t.match(lines, 'This container sees no GPU');
  t.match(lines, '--gpus all');
  t.match(lines, '--device /dev/dri --group-add');
  t.notMatch(text({ adapter: SOFTWARE, machine: { ...machine, isContainer: false } }), 'sees no GPU');
  t.end();
});

t.test('a Dawn that does not load is a finding of its own', (t) => {
  const lines = text({
    dawnError: "version `GLIBC_2.34' not found",
    machine: { loaders: [LOADER], drivers: [LAVAPIPE] },
  });
  t.match(lines, "does not run: version `GLIBC_2.34' not found");
  t.match(lines, 'glibc 2.34 or newer');
  t.notMatch(lines, 'Mesa must be 25');
  t.end();
});

t.test('a device that does not tell its memory is said to be one', (t) => {
  t.match(text({ adapter: { ...GPU, memory: null } }), /Memory +not told: .* 1 GiB .* --kv-cache-memory/);
  t.end();
});

t.test('several adapters are all named', (t) => {
  const lines = text({ adapter: { ...GPU, all: ['vulkan: H200', 'vulkan: llvmpipe'] } });
  t.match(lines, 'Also seen      vulkan: llvmpipe');
  t.end();
});

t.test('macOS and Windows are not told of Vulkan', (t) => {
  t.notMatch(text({ adapter: GPU, machine: { platform: 'darwin' } }), 'Vulkan');
  t.end();
});

t.test('here, the doctor ends with 0 where there is an adapter', async (t) => {
  const lines: string[] = [];
  const code = await runDoctor((line) => lines.push(line));
  t.match(lines[0], /^Adapter {8}/);
  t.equal(code, lines[0].endsWith('none') ? 1 : 0);
});

t.test(
  'without any Vulkan driver, the doctor ends with 1 and no stack trace',
  { skip: process.platform !== 'linux' },
  (t) => {
    const script =
      "import('#halflight/commands/doctor.js').then(async (m) => { process.exitCode = await m.runDoctor(console.log); });";
    const ran = spawnSync(process.execPath, ['-e', script], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, VK_DRIVER_FILES: join(root, 'no-such-driver.json') },
    });
    t.equal(ran.status, 1);
    t.match(ran.stdout, /^Adapter {8}none$/m);
    t.match(ran.stdout, 'no-such-driver.json is missing');
    t.notMatch(ran.stdout + ran.stderr, /\n {4}at .*\.js:/);
    t.end();
  },
);

type Parts = Partial<Omit<Findings, 'machine'>> & { readonly machine?: Partial<Machine> };

function text({ machine, ...parts }: Parts): string {
  const bare: Machine = {
    platform: 'linux',
    systems: ['debian'],
    codename: '',
    loaders: [],
    drivers: [],
    devices: [],
    missingLibraries: [],
    nvidiaCapabilities: null,
    isContainer: false,
  };
  const findings = { adapter: null, dawnError: null, driverCommands: ['apt-get install mesa'], ...parts };
  return report({ ...findings, machine: { ...bare, ...machine } }).join('\n');
}
