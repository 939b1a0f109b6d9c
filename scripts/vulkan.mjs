// Makes sure that Dawn finds an adapter: a GPU's own driver where there is one, else Mesa's software driver.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installMesa } from './apt.mjs';
import { capture, root, StepError, step } from './steps.mjs';

const PROBE_TIMEOUT_MS = 60_000;
const NO_ADAPTER = 2;

export async function ensureVulkan() {
  if (process.platform !== 'linux' || probe().adapter) return;
  const system = readSystem();
  console.log('Dawn finds no WebGPU adapter: this machine has no Vulkan driver that it accepts.');
  if (process.getuid() !== 0) throw missing('Installing one needs root.', system);
  if (!hasApt(system)) throw missing('It is installed automatically on Debian and Ubuntu only.', system);
  await step('Installing Mesa with apt-get', () => installMesa(system));
  const { adapter, output } = probe();
  if (!adapter) throw missing('Mesa is installed, but Dawn does not accept it.', system, output);
  console.log(`WebGPU adapter: ${adapter}`);
}

/** @returns the adapter's name or null, and what Dawn printed. Throws where Dawn itself does not run. */
function probe() {
  const ran = capture(process.execPath, [join(root, 'scripts/probe.mjs')], { timeoutMs: PROBE_TIMEOUT_MS });
  if (ran.status === 0) return { adapter: ran.stdout.trim(), output: ran.output };
  if (ran.status === NO_ADAPTER) return { adapter: null, output: ran.output };
  throw new StepError('Dawn (the npm package `webgpu`) does not run on this machine.', {
    output: ran.output,
    advice:
      'It needs glibc 2.34 or newer (Debian 12, Ubuntu 22.04), and a Vulkan driver that does not crash: ' +
      'VK_DRIVER_FILES=/path/to/icd.json chooses one.',
  });
}

function missing(problem, system, output) {
  const advice = `As root:\n${driverCommands(system).join('\n')}\nthen run this again.`;
  return new StepError(problem, { output, advice });
}

/** The fields of `/etc/os-release` that name the distribution; empty where it does not say. */
export function readSystem(file = '/etc/os-release') {
  const text = readIfThere(file);
  const field = (name) => text.match(new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm'))?.[1] ?? '';
  return {
    names: [field('ID'), ...field('ID_LIKE').split(' ')].filter(Boolean),
    codename: field('VERSION_CODENAME'),
  };
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

function hasApt({ names }) {
  return names.includes('debian') || names.includes('ubuntu');
}

/** Shell commands for a person to run; the last entry of the table serves the systems that it does not know. */
export function driverCommands({ names, codename }) {
  const table = JSON.parse(readFileSync(join(root, 'scripts/drivers.json'), 'utf8'));
  const fits = (entry) =>
    entry.systems.some((name) => names.includes(name)) && (entry.codename ?? codename) === codename;
  return (table.find(fits) ?? table.at(-1)).commands.map((command) => `  ${command}`);
}
