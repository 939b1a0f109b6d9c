import { fileURLToPath } from 'node:url';
import type { AdapterSummary } from '../webgpu/adapter.js';
import { type DeviceMemory, readDeviceMemory } from '../webgpu/device-memory.js';
import { driverCommands, inspectMachine, type Machine } from './machine.js';

/** What `halflight doctor` knows: the machine's files, and what Dawn makes of them. */
export interface Findings {
  readonly machine: Machine;
  readonly adapter: AdapterFindings | null;
  /** Why Dawn itself does not run; null where it does. */
  readonly dawnError: string | null;
  /** Commands for root that install a driver on this system. */
  readonly driverCommands: readonly string[];
}

export interface AdapterFindings {
  readonly summary: AdapterSummary;
  /** Every adapter, as `backend: name`. */
  readonly all: readonly string[];
  readonly features: ReadonlySet<string>;
  /** By WebGPU's names; bytes where it is a size. */
  readonly limits: Readonly<Record<string, number>>;
  readonly subgroupSize: string;
  /** null where nothing tells. */
  readonly memory: DeviceMemory | null;
}

interface Problem {
  readonly problem: string;
  readonly mend: readonly string[];
}

const COMMAND_TABLE = fileURLToPath(new URL('../../scripts/drivers.json', import.meta.url));

const LIMITS = [
  { name: 'maxBufferSize', label: 'buffer' },
  { name: 'maxStorageBufferBindingSize', label: 'storage binding' },
  { name: 'maxComputeWorkgroupStorageSize', label: 'workgroup memory' },
] as const;

/** Prints what this machine has for WebGPU and what it lacks. Resolves with the exit code: 0 where an adapter is usable, else 1. */
export async function runDoctor(write: (line: string) => void): Promise<number> {
  const findings = await doctor();
  for (const line of report(findings)) write(line);
  return findings.adapter === null ? 1 : 0;
}

export async function doctor(): Promise<Findings> {
  const machine = inspectMachine(process.env);
  const commands = driverCommands(machine, COMMAND_TABLE);
  try {
    return { machine, adapter: await findAdapter(), dawnError: null, driverCommands: commands };
  } catch (error) {
    return { machine, adapter: null, dawnError: firstLine(error), driverCommands: commands };
  }
}

async function findAdapter(): Promise<AdapterFindings | null> {
  // Loaded here, because Dawn's library may not load at all, and that is a finding too.
  const { WANTED_FEATURES, adapterLimits, listAdapters, openGpu, summarizeAdapter } = await import(
    '../webgpu/adapter.js'
  );
  const adapter = await openGpu().requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return null;
  const { subgroupMinSize: min, subgroupMaxSize: max } = adapter.info;
  const summary = summarizeAdapter(adapter);
  return {
    summary,
    memory: await readDeviceMemory(summary),
    all: await listAdapters(),
    features: new Set(WANTED_FEATURES.filter((name) => adapter.features.has(name))),
    limits: adapterLimits(adapter),
    subgroupSize: min === max ? `${min}` : `${min}–${max}`,
  };
}

/** The findings as lines for a person to read. */
export function report(findings: Findings): readonly string[] {
  const problems = CHECKS.flatMap((check) => check(findings) ?? []);
  return [
    ...adapterLines(findings.adapter),
    ...(findings.machine.platform === 'linux' ? vulkanLines(findings.machine) : []),
    ...problems.flatMap(({ problem, mend }) => ['', problem, ...mend.map((line) => `  ${line}`)]),
    '',
    verdict(findings.adapter),
  ];
}

function adapterLines(found: AdapterFindings | null): readonly string[] {
  if (found === null) return [row('Adapter', 'none')];
  const { summary, all, limits, memory } = found;
  return [
    row('Adapter', `${summary.name} (${summary.backend}${summary.software ? ', software' : ''})`),
    row('Driver', summary.driver || 'not named'),
    ...(all.length > 1 ? all.map((name) => row('Also seen', name)) : []),
    row('Memory', memoryText(memory)),
    row('Features', featureList(found)),
    row('Limits', LIMITS.map(({ name, label }) => `${label} ${formatBytes(limits[name] ?? 0)}`).join(', ')),
  ];
}

/** What is not told leaves the KV cache at its modest default. */
function memoryText(memory: DeviceMemory | null): string {
  if (memory === null)
    return 'not told: the KV cache takes 1 GiB at most, unless --kv-cache-memory says more';
  const { totalBytes, usedBytes, maxShare } = memory;
  const share = maxShare === 1 ? '' : `, of which the KV cache takes a share of ${maxShare} at most`;
  return `${formatBytes(totalBytes)}, ${formatBytes(usedBytes)} in use by others${share}`;
}

function featureList({ features, subgroupSize }: AdapterFindings): string {
  const names = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix', 'timestamp-query'];
  const size = features.has('subgroups') ? `, subgroup size ${subgroupSize}` : '';
  return (
    names
      .map((name) => `${features.has(name) ? '' : 'no '}${name.replace('chromium-experimental-', '')}`)
      .join(', ') + size
  );
}

function vulkanLines({ loaders, drivers, devices }: Machine): readonly string[] {
  return [
    ...rows('Vulkan loader', loaders),
    ...rows(
      'Vulkan driver',
      drivers.map(
        ({ file, library, libraryFound }) =>
          `${file} (${library || 'library'}${libraryFound ? '' : ': not found'})`,
      ),
    ),
    ...rows(
      'GPU device',
      devices.map(({ path, accessible }) => `${path}${accessible ? '' : ' (no permission)'}`),
    ),
  ];
}

function rows(label: string, values: readonly string[]): readonly string[] {
  return (values.length > 0 ? values : ['none']).map((value) => row(label, value));
}

function row(label: string, value: string): string {
  return `${label.padEnd(15)}${value}`;
}

function verdict(adapter: AdapterFindings | null): string {
  if (adapter === null) return 'halflight cannot run here yet: no adapter.';
  if (adapter.summary.software)
    return 'halflight runs here, but on a software adapter: right answers, slowly.';
  return 'halflight runs here.';
}

/** Each says what is wrong and how to mend it, or null. */
const CHECKS: readonly ((findings: Findings) => Problem | null)[] = [
  dawnDoesNotRun,
  noLoader,
  noDriver,
  driverWithoutLibrary,
  noPermission,
  nvidiaWithoutGraphics,
  nvidiaWithoutDriver,
  nvidiaWithoutLibraries,
  mesaTooOld,
  driverRefused,
  gpuUnused,
  noGpuInContainer,
];

function dawnDoesNotRun({ dawnError }: Findings): Problem | null {
  if (dawnError === null) return null;
  return {
    problem: `Dawn (the npm package webgpu) does not run: ${dawnError}`,
    mend: [
      'It needs glibc 2.34 or newer: Debian 12, Ubuntu 22.04, Fedora 35 or newer. `npm ci` installs it anew.',
    ],
  };
}

function noLoader({ machine, adapter, driverCommands: mend }: Findings): Problem | null {
  if (adapter !== null || machine.platform !== 'linux' || machine.loaders.length > 0) return null;
  return { problem: 'The Vulkan loader (libvulkan.so.1) is missing. As root:', mend };
}

function noDriver({ machine, adapter, driverCommands: mend }: Findings): Problem | null {
  if (adapter !== null || machine.loaders.length === 0 || machine.drivers.length > 0) return null;
  return { problem: 'The Vulkan loader is there, but no driver (no icd.d/*.json). As root:', mend };
}

/** Harmless while another driver serves: a package may bring drivers for other architectures. */
function driverWithoutLibrary({ machine, adapter }: Findings): Problem | null {
  const broken = machine.drivers.filter((driver) => !driver.libraryFound).map(({ file }) => file);
  if (broken.length === 0 || (adapter !== null && !gpuIdle(machine, adapter))) return null;
  const isNvidia = broken.some((file) => file.includes('nvidia'));
  return {
    problem: `The driver ${broken.join(', ')} is missing, or its library is.`,
    mend: ['Install its package again, or mend VK_DRIVER_FILES.', ...(isNvidia ? [NVIDIA_LIBRARIES] : [])],
  };
}

function noPermission({ machine }: Findings): Problem | null {
  const closed = machine.devices.filter((device) => !device.accessible).map(({ path }) => path);
  if (closed.length === 0) return null;
  return {
    problem: `This user may not open ${closed.join(', ')}.`,
    mend: [
      'usermod -aG render,video "$USER"   # as root, then log in again',
      `docker run --device /dev/dri --group-add "$(stat -c %g ${closed[0]})" …   # in a container`,
    ],
  };
}

const NVIDIA_LIBRARIES =
  'apt-get install -y --no-install-recommends libvulkan1 libegl1 libgl1 libglx0 libglvnd0 libgles2 libxext6 libx11-6';

/** The toolkit mounts the driver's Vulkan part only with the capability `graphics`; its default is without. */
function nvidiaWithoutGraphics({ machine }: Findings): Problem | null {
  const { nvidiaCapabilities: given, devices } = machine;
  const has = given === null || given.split(',').some((part) => ['all', 'graphics'].includes(part.trim()));
  if (has || !devices.some(({ path }) => path.includes('nvidia'))) return null;
  return {
    problem: `NVIDIA_DRIVER_CAPABILITIES is ${given}: without graphics the container has no Vulkan driver.`,
    mend: ['docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics …'],
  };
}

/** The driver file is there, but Dawn finds no GPU: what the driver links to is missing, or older than it. */
function nvidiaWithoutLibraries({ machine, adapter, dawnError }: Findings): Problem | null {
  const isThere = machine.drivers.some(({ file, libraryFound }) => file.includes('nvidia') && libraryFound);
  if (!isThere || dawnError !== null || (adapter !== null && !adapter.summary.software)) return null;
  const missing = machine.missingLibraries;
  if (missing.length === 0) {
    return {
      problem: 'NVIDIA’s Vulkan driver is there with its libraries, but does not start.',
      mend: [
        'The image’s glibc may be older than the driver’s build: take one of Debian 13, Ubuntu 24.04 or newer.',
        'Without any display: an ICD file that names libEGL_nvidia.so.0, and VK_DRIVER_FILES with its path.',
      ],
    };
  }
  return {
    problem: `NVIDIA’s Vulkan driver lacks ${missing.join(', ')}. As root:`,
    mend: [NVIDIA_LIBRARIES],
  };
}

/** Mesa 25 is the first with Vulkan 1.4 in all drivers, and tells so in its driver files. */
function mesaTooOld({ machine, adapter, driverCommands: mend }: Findings): Problem | null {
  const mesa = machine.drivers.filter(({ file }) => MESA_FILE.test(file));
  const old = mesa.find(({ apiVersion }) => /^1\.[0-3]\./.test(apiVersion));
  if (adapter !== null || old === undefined) return null;
  return {
    problem: `${old.file} is of Vulkan ${old.apiVersion}: Mesa older than 25, which Dawn refuses. As root:`,
    mend,
  };
}

const MESA_FILE = /\/(lvp|radeon|intel)_/;

function noGpuInContainer({ machine, adapter }: Findings): Problem | null {
  if (!machine.isContainer || machine.devices.length > 0 || adapter?.summary.software === false) return null;
  return {
    problem: 'This container sees no GPU. Where the host has one:',
    mend: [
      'docker run --gpus all …   # NVIDIA, with nvidia-container-toolkit',
      'docker run --device /dev/dri --group-add "$(stat -c %g /dev/dri/renderD128)" …   # AMD and Intel',
    ],
  };
}

function nvidiaWithoutDriver({ machine }: Findings): Problem | null {
  const hasGpu = machine.devices.some(({ path }) => path.includes('nvidia'));
  if (!hasGpu || machine.drivers.some(({ file }) => file.includes('nvidia'))) return null;
  return {
    problem: 'There is an NVIDIA GPU, but no Vulkan driver for it (nvidia_icd.json).',
    mend: [
      'On the host: install NVIDIA’s own driver with its Vulkan part.',
      'In a container: docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics …',
      NVIDIA_LIBRARIES,
    ],
  };
}

function driverRefused(findings: Findings): Problem | null {
  const { machine, adapter, dawnError, driverCommands: mend } = findings;
  const hasDriver = machine.loaders.length > 0 && machine.drivers.some((driver) => driver.libraryFound);
  if (adapter !== null || dawnError !== null || !hasDriver || mesaTooOld(findings) !== null) return null;
  return { problem: 'Dawn accepts none of the drivers; Mesa must be 25 or newer. As root:', mend };
}

function gpuUnused({ machine, adapter }: Findings): Problem | null {
  if (adapter === null || !gpuIdle(machine, adapter)) return null;
  return {
    problem: `There is a GPU (${machine.devices.map(({ path }) => path).join(', ')}), but only a software adapter is found.`,
    mend: [
      'Its Vulkan driver is missing or too old: install or update it, then run `halflight doctor` again.',
    ],
  };
}

/** A GPU is there, but Dawn offers only a software adapter. */
function gpuIdle(machine: Machine, adapter: AdapterFindings): boolean {
  return adapter.summary.software && machine.devices.length > 0;
}

function formatBytes(bytes: number): string {
  if (bytes >= 2 ** 30) return `${Number((bytes / 2 ** 30).toFixed(2))} GiB`;
  if (bytes >= 2 ** 20) return `${Number((bytes / 2 ** 20).toFixed(2))} MiB`;
  return `${Number((bytes / 2 ** 10).toFixed(2))} KiB`;
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
}
