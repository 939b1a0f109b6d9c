import { join } from 'node:path';
import t from 'tap';
import { script } from './modules.js';

interface System {
  readonly names: readonly string[];
  readonly codename: string;
}

interface Vulkan {
  readSystem(file: string): System;
  driverCommands(system: System): readonly string[];
}

const { readSystem, driverCommands } = await script<Vulkan>('vulkan.mjs');

t.test('the distribution is read from os-release, quoted or not', (t) => {
  const folder = t.testdir({
    debian: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n',
    mint: 'ID=linuxmint\nID_LIKE="ubuntu debian"\n',
  });
  t.strictSame(readSystem(join(folder, 'debian')), { names: ['debian'], codename: 'bookworm' });
  t.strictSame(readSystem(join(folder, 'mint')), { names: ['linuxmint', 'ubuntu', 'debian'], codename: '' });
  t.strictSame(readSystem(join(folder, 'none')), { names: [], codename: '' });
  t.end();
});

t.test('only Debian 12 is sent to its backports', (t) => {
  const commands = (names: string[], codename: string) => driverCommands({ names, codename }).join('\n');
  t.match(commands(['debian'], 'bookworm'), 'bookworm-backports');
  for (const codename of ['trixie', '']) t.notMatch(commands(['debian'], codename), 'backports');
  t.match(commands(['debian'], 'trixie'), 'libvulkan1 mesa-vulkan-drivers');
  t.match(commands(['fedora'], ''), 'dnf');
  t.match(commands(['solaris'], ''), 'Mesa 25 or newer');
  t.end();
});
