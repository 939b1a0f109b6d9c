import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { driverCommands, inspectMachine } from '#halflight/commands/machine.js';
import { root } from '../support/paths.js';

const ICD = (library: string) => JSON.stringify({ ICD: { library_path: library, api_version: '1.3.0' } });

t.test('a machine is read from its files', (t) => {
  const base = t.testdir({
    etc: { 'os-release': 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\n' },
    usr: {
      lib: { 'x86_64-linux-gnu': { 'libvulkan.so.1': '', 'libvulkan_lvp.so': '' } },
      share: { vulkan: { 'icd.d': { 'lvp_icd.json': ICD('libvulkan_lvp.so'), 'notes.txt': '' } } },
    },
    dev: { dri: { card0: '', renderD128: '' }, nvidia0: '', nvidiactl: '', 'nvidia-uvm': '' },
  });
  const machine = inspectMachine({}, base);
  t.strictSame(machine.systems, ['linuxmint', 'ubuntu', 'debian']);
  t.equal(machine.codename, 'wilma');
  t.strictSame(machine.loaders, [join(base, 'usr/lib/x86_64-linux-gnu/libvulkan.so.1')]);
  t.strictSame(machine.drivers, [
    {
      file: join(base, 'usr/share/vulkan/icd.d/lvp_icd.json'),
      library: 'libvulkan_lvp.so',
      libraryFile: join(base, 'usr/lib/x86_64-linux-gnu/libvulkan_lvp.so'),
      apiVersion: '1.3.0',
    },
  ]);
  t.strictSame(
    machine.devices,
    ['dev/dri/renderD128', 'dev/nvidia0', 'dev/nvidiactl'].map((path) => ({
      path: join(base, path),
      refusal: null,
      groupId: statSync(base).gid,
    })),
  );
  t.end();
});

t.test('an empty machine has nothing, and nothing throws', (t) => {
  const machine = inspectMachine({}, t.testdir({}));
  t.match(machine, { systems: [], codename: '', loaders: [], drivers: [], devices: [] });
  t.end();
});

t.test('the same loader under two names counts once', (t) => {
  const base = t.testdir({
    usr: { lib64: { 'libvulkan.so.1': '' } },
    lib64: t.fixture('symlink', 'usr/lib64'),
  });
  t.equal(inspectMachine({}, base).loaders.length, 1);
  t.end();
});

t.test('VK_DRIVER_FILES replaces the folders, VK_ADD_DRIVER_FILES adds to them', (t) => {
  const base = t.testdir({
    etc: { vulkan: { 'icd.d': { 'a.json': ICD('liba.so') } } },
    own: { 'b.json': ICD('./libb.so'), 'libb.so': '' },
  });
  const own = join(base, 'own/b.json');
  t.strictSame(inspectMachine({ VK_DRIVER_FILES: own }, base).drivers, [
    { file: own, library: './libb.so', libraryFile: join(base, 'own/libb.so'), apiVersion: '1.3.0' },
  ]);
  t.strictSame(
    inspectMachine({ VK_ADD_DRIVER_FILES: own }, base).drivers.map(({ file, libraryFile }) => ({
      file,
      libraryFile,
    })),
    [
      { file: own, libraryFile: join(base, 'own/libb.so') },
      { file: join(base, 'etc/vulkan/icd.d/a.json'), libraryFile: null },
    ],
  );
  t.end();
});

t.test('each system gets its own commands, and an unknown one a hint', (t) => {
  const table = join(root, 'scripts/drivers.json');
  const commands = (systems: string[], codename = '') =>
    driverCommands({ systems, codename }, table).join('\n');
  t.match(commands(['debian'], 'bookworm'), '-t bookworm-backports libvulkan1 mesa-vulkan-drivers');
  t.notMatch(commands(['debian'], 'trixie'), 'backports');
  t.match(commands(['linuxmint', 'ubuntu', 'debian'], 'wilma'), 'apt-get install');
  t.match(commands(['fedora'], ''), 'dnf install');
  t.match(commands(['arch']), 'pacman -S');
  t.match(commands(['alpine']), 'glibc');
  t.match(commands(['plan9']), 'Mesa 25');
  t.end();
});

t.test('a package without the table of commands has none', (t) => {
  t.strictSame(driverCommands({ systems: ['debian'], codename: '' }, join(t.testdir({}), 'none.json')), []);
  t.end();
});

t.test('what a container has for NVIDIA’s driver is read from it', (t) => {
  const base = t.testdir({
    '.dockerenv': '',
    usr: { lib: { 'x86_64-linux-gnu': { 'libEGL.so.1': '', 'libX11.so.6': '', 'libGLX.so.0': '' } } },
  });
  t.match(inspectMachine({ NVIDIA_DRIVER_CAPABILITIES: 'compute' }, base), {
    isContainer: true,
    nvidiaCapabilities: 'compute',
    missingLibraries: ['libGLdispatch.so.0', 'libXext.so.6'],
  });
  const bare = t.testdir({});
  t.match(inspectMachine({}, bare), { isContainer: false, nvidiaCapabilities: null });
  for (const env of [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, { container: 'podman' }])
    t.equal(inspectMachine(env, bare).isContainer, true);
  t.end();
});

t.test('a driver that asks for a newer glibc than the system has is found', (t) => {
  const lib = (driver: string) => ({
    'x86_64-linux-gnu': { 'libc.so.6': '\0GLIBC_2.2.5\0GLIBC_2.36\0GLIBC_2.4\0', 'libdriver.so': driver },
  });
  const tooNew = (driver: string) => {
    const icd = { vulkan: { 'icd.d': { 'a.json': ICD('libdriver.so') } } };
    const base = t.testdir({ etc: icd, usr: { lib: lib(driver) } });
    const found = inspectMachine({}, base);
    t.equal(found.glibc, 36);
    return found.tooNew.map(({ file, glibc }) => [file.slice(base.length), glibc]);
  };
  t.strictSame(tooNew('\0GLIBC_2.2.5\0GLIBC_2.38\0'), [['/etc/vulkan/icd.d/a.json', 38]]);
  t.strictSame(tooNew('\0GLIBC_2.36\0GLIBC_ABI_DT_RELR\0'), []);
  t.end();
});

t.test('a system without glibc is not compared', (t) => {
  const base = t.testdir({ own: { 'a.json': ICD('./a.so'), 'a.so': 'GLIBC_2.38' } });
  t.match(inspectMachine({ VK_DRIVER_FILES: join(base, 'own/a.json') }, base), { glibc: 0, tooNew: [] });
  t.end();
});

t.test(
  'a device that does not open has the code of the error',
  { skip: process.getuid?.() === 0 && 'root opens all files' },
  (t) => {
    const base = t.testdir({ dev: { dri: { renderD128: '' } } });
    chmodSync(join(base, 'dev/dri/renderD128'), 0o000);
    t.equal(inspectMachine({}, base).devices[0]?.refusal, 'EACCES');
    t.end();
  },
);

t.test('a device that is a folder or a loose link does not throw', (t) => {
  const base = t.testdir({ dev: { dri: { renderD128: {}, renderD129: t.fixture('symlink', 'none') } } });
  t.match(inspectMachine({}, base).devices, [{ refusal: 'EISDIR' }, { refusal: 'ENOENT' }]);
  t.end();
});

t.test('XDG_RUNTIME_DIR counts where it is a folder that can be written to', (t) => {
  const base = t.testdir({ run: {}, file: '' });
  const has = (name: string | undefined) => inspectMachine({ XDG_RUNTIME_DIR: name }, base).hasRuntimeFolder;
  t.equal(has(join(base, 'run')), true);
  for (const name of [undefined, '', join(base, 'file'), join(base, 'none')]) t.equal(has(name), false);
  t.end();
});
