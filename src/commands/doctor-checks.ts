import type { AdapterSummary } from '../webgpu/adapter.js';
import type { DeviceMemory } from '../webgpu/device-memory.js';
import type { DeviceNode, Machine } from './machine.js';

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

export interface Problem {
  readonly problem: string;
  /** Commands, or sentences where none does it. */
  readonly mend: readonly string[];
}

/** What is wrong, and how to mend each. */
export function findProblems(findings: Findings): readonly Problem[] {
  return CHECKS.flatMap((check) => check(findings) ?? []);
}

/** Each says what is wrong and how to mend it, or null. */
const CHECKS: readonly ((findings: Findings) => Problem | null)[] = [
  dawnDoesNotRun,
  noLoader,
  noDriver,
  driverWithoutLibrary,
  noPermission,
  deviceNotGiven,
  deviceFails,
  nvidiaWithoutGraphics,
  nvidiaWithoutDriver,
  nvidiaWithoutLibraries,
  glibcTooOld,
  nvidiaDoesNotStart,
  mesaTooOld,
  driverRefused,
  gpuUnused,
  noGpuInContainer,
  noRuntimeFolder,
];

const NVIDIA_LIBRARIES =
  'apt-get install -y --no-install-recommends libvulkan1 libegl1 libgl1 libglx0 libglvnd0 libgles2 libxext6 libx11-6';
const NVIDIA_RUN = 'docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics …';

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
  const broken = machine.drivers.filter(({ libraryFile }) => libraryFile === null).map(({ file }) => file);
  if (broken.length === 0 || (adapter !== null && !gpuIdle(machine, adapter))) return null;
  return {
    problem: `The driver ${broken.join(', ')} is missing, or its library is.`,
    mend: [
      'Install its package again, or mend VK_DRIVER_FILES.',
      ...(broken.some(isNvidia) ? [NVIDIA_LIBRARIES] : []),
    ],
  };
}

/** The user whose number stands for all that a container's namespace has no number for. */
const OVERFLOW_ID = 65534;

function noPermission({ machine }: Findings): Problem | null {
  const closed = machine.devices.filter(({ refusal }) => refusal === 'EACCES');
  if (closed.length === 0) return null;
  const groups = [...new Set(closed.map(({ groupId }) => groupId))];
  return {
    problem: `This user may not open ${pathsOf(closed)}; group ${groups.join(', ')} may.`,
    mend: machine.isContainer ? inContainer(groups) : onHost(groups),
  };
}

function inContainer(groups: readonly number[]): readonly string[] {
  if (groups.includes(OVERFLOW_ID)) return ['podman run --device /dev/dri --group-add keep-groups …'];
  const added = groups.map((group) => `--group-add ${group}`).join(' ');
  return [
    `docker run --device /dev/dri ${added} …`,
    `RENDER_GID=${groups[0]} docker compose -f docker/compose.dri.yaml up`,
    `securityContext: { supplementalGroups: [${groups.join(', ')}] }   # Kubernetes`,
  ];
}

/** Devices of the group of root are not given to users by that group. */
function onHost(groups: readonly number[]): readonly string[] {
  const names = groups.includes(0) ? 'render,video' : groups.join(',');
  return [`usermod -aG ${names} "$USER"   # as root, then log in again`];
}

function deviceNotGiven({ machine }: Findings): Problem | null {
  const closed = machine.devices.filter(({ refusal }) => refusal === 'EPERM');
  if (closed.length === 0) return null;
  return {
    problem: `${pathsOf(closed)} may be seen here, but not opened (EPERM): not given to this container as a device.`,
    mend: ['docker run --device /dev/dri …   # in the place of -v /dev/dri:/dev/dri', NVIDIA_RUN],
  };
}

function deviceFails({ machine }: Findings): Problem | null {
  const failed = machine.devices.filter(({ refusal }) => !['EACCES', 'EPERM', null].includes(refusal));
  if (failed.length === 0) return null;
  return {
    problem: `${failed.map(({ path, refusal }) => `${path} does not open (${refusal})`).join(', ')}.`,
    mend: [
      'The kernel’s driver is not loaded, or no longer of the version of its libraries: restart the host.',
    ],
  };
}

/** The toolkit mounts the driver's Vulkan part only with the capability `graphics`; its default is without. */
function nvidiaWithoutGraphics({ machine }: Findings): Problem | null {
  const { nvidiaCapabilities: given } = machine;
  const has = given === null || given.split(',').some((part) => ['all', 'graphics'].includes(part.trim()));
  if (has || !hasNvidiaGpu(machine)) return null;
  return {
    problem: `NVIDIA_DRIVER_CAPABILITIES is ${given}: without graphics the container has no Vulkan driver.`,
    mend: [NVIDIA_RUN],
  };
}

function nvidiaWithoutDriver({ machine }: Findings): Problem | null {
  if (!hasNvidiaGpu(machine) || machine.drivers.some(({ file }) => isNvidia(file))) return null;
  return {
    problem: 'There is an NVIDIA GPU, but no Vulkan driver for it (nvidia_icd.json).',
    mend: [
      'On the host: install NVIDIA’s own driver with its Vulkan part.',
      `In a container: ${NVIDIA_RUN}`,
      NVIDIA_LIBRARIES,
    ],
  };
}

function nvidiaWithoutLibraries(findings: Findings): Problem | null {
  const { missingLibraries } = findings.machine;
  if (!nvidiaFails(findings) || missingLibraries.length === 0) return null;
  return {
    problem: `NVIDIA’s Vulkan driver lacks ${missingLibraries.join(', ')}. As root:`,
    mend: [NVIDIA_LIBRARIES],
  };
}

/** The dynamic linker refuses such a library, and the Vulkan loader goes on without a word. */
function glibcTooOld({ machine, adapter }: Findings): Problem | null {
  const { tooNew, glibc } = machine;
  if (tooNew.length === 0 || isGpu(adapter)) return null;
  const needs = tooNew.map((driver) => `${driver.file} needs glibc 2.${driver.glibc}`).join(', ');
  return {
    problem: `${needs}; here is 2.${glibc}.`,
    mend: [
      'Take a newer system. An image must be as new as what the driver was built for: Debian 13, Ubuntu 24.04 or newer.',
    ],
  };
}

/** With all that is known to be needed; what else it lacks does not show in files. */
function nvidiaDoesNotStart(findings: Findings): Problem | null {
  const { missingLibraries, tooNew } = findings.machine;
  if (!nvidiaFails(findings) || missingLibraries.length > 0 || tooNew.length > 0) return null;
  return {
    problem: 'NVIDIA’s Vulkan driver is there with its libraries, but does not start.',
    mend: [
      'The image’s glibc may be older than the build of a part of the driver: take one of Debian 13, Ubuntu 24.04 or newer.',
      'Without any display: an ICD file that names libEGL_nvidia.so.0, and VK_DRIVER_FILES with its path.',
    ],
  };
}

/** Drivers whose files tell Vulkan 1.4 since Mesa 25; others of Mesa's tell less at any age. */
const MESA_FILE = /\/(lvp|radeon|intel)_icd/;

function mesaTooOld({ machine, adapter, driverCommands: mend }: Findings): Problem | null {
  const mesa = machine.drivers.filter(({ file }) => MESA_FILE.test(file));
  const old = mesa.find(({ apiVersion }) => /^1\.[0-3]\./.test(apiVersion));
  if (adapter !== null || old === undefined) return null;
  return {
    problem: `${old.file} is of Vulkan ${old.apiVersion}: Mesa older than 25, which Dawn refuses. As root:`,
    mend,
  };
}

/** Where nothing else tells why. */
function driverRefused(findings: Findings): Problem | null {
  const { machine, adapter, dawnError, driverCommands: mend } = findings;
  const hasDriver = machine.loaders.length > 0 && machine.drivers.some((driver) => driver.libraryFile);
  if (adapter !== null || dawnError !== null || !hasDriver) return null;
  if (nvidiaFails(findings) || machine.tooNew.length > 0 || mesaTooOld(findings) !== null) return null;
  return { problem: 'Dawn accepts none of the drivers; Mesa must be 25 or newer. As root:', mend };
}

/** Of AMD and Intel: what NVIDIA's driver lacks has checks of its own. */
function gpuUnused({ machine, adapter, driverCommands: mend }: Findings): Problem | null {
  if (adapter === null || !gpuIdle(machine, adapter) || hasNvidiaGpu(machine)) return null;
  const usable = machine.devices.filter(({ refusal }) => refusal === null);
  if (usable.length === 0) return null;
  return {
    problem: `There is a GPU (${pathsOf(usable)}), but only a software adapter is found: its Vulkan driver is missing or too old. As root:`,
    mend,
  };
}

function noGpuInContainer({ machine, adapter }: Findings): Problem | null {
  if (!machine.isContainer || machine.devices.length > 0 || isGpu(adapter)) return null;
  return {
    problem: 'This container sees no GPU. Where the host has one:',
    mend: [
      'docker run --gpus all …   # NVIDIA, with nvidia-container-toolkit',
      'docker run --device /dev/dri --group-add "$(stat -c %g /dev/dri/renderD128)" …   # AMD and Intel',
    ],
  };
}

/** Mesa's drivers ask for it at each start. */
function noRuntimeFolder({ machine, adapter }: Findings): Problem | null {
  if (machine.platform !== 'linux' || machine.hasRuntimeFolder || adapter !== null) return null;
  return {
    problem: 'XDG_RUNTIME_DIR is not set, or no folder that this user may write to.',
    mend: ['export XDG_RUNTIME_DIR=/tmp'],
  };
}

/** NVIDIA's driver is there, and Dawn runs, but is offered no GPU. */
function nvidiaFails({ machine, adapter, dawnError }: Findings): boolean {
  const isThere = machine.drivers.some(({ file, libraryFile }) => isNvidia(file) && libraryFile !== null);
  return isThere && dawnError === null && !isGpu(adapter);
}

function hasNvidiaGpu({ devices }: Machine): boolean {
  return devices.some(({ path }) => isNvidia(path));
}

function isNvidia(path: string): boolean {
  return path.includes('nvidia');
}

function isGpu(adapter: AdapterFindings | null): boolean {
  return adapter !== null && !adapter.summary.software;
}

/** A GPU is there, but Dawn offers only a software adapter. */
function gpuIdle(machine: Machine, adapter: AdapterFindings): boolean {
  return adapter.summary.software && machine.devices.length > 0;
}

function pathsOf(devices: readonly DeviceNode[]): string {
  return devices.map(({ path }) => path).join(', ');
}
