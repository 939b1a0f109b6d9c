import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { report, runDoctor } from '#halflight/commands/doctor.js';
import {
  device,
  findings,
  GPU,
  LAVAPIPE,
  LOADER,
  NVIDIA,
  type Parts,
  SOFTWARE,
} from '../support/findings.js';
import { root } from '../support/paths.js';

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

t.test('each problem stands with the commands that mend it, before the verdict', (t) => {
  const lines = text({ machine: { loaders: [LOADER] } });
  t.match(
    lines,
    /\n\nThe Vulkan loader is there, but no driver \(.*\n {2}apt-get install mesa\n\nhalflight cannot run here yet/,
  );
  t.end();
});

t.test('drivers and devices are listed with what is wrong with them', (t) => {
  const drivers = [{ ...NVIDIA, libraryFile: null }];
  const devices = [device('/dev/nvidia0'), device('/dev/dri/renderD128', 'EACCES')];
  const lines = text({ adapter: SOFTWARE, machine: { loaders: [LOADER], drivers, devices } });
  t.match(lines, `Vulkan driver  ${NVIDIA.file} (libGLX_nvidia.so.0: not found)`);
  t.match(lines, /^GPU device +\/dev\/nvidia0$/m);
  t.match(lines, '/dev/dri/renderD128 (not opened: EACCES)');
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

function text(parts: Parts): string {
  return report(findings(parts)).join('\n');
}
