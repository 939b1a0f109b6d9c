import type { AdapterFindings, Findings } from '#halflight/commands/doctor-checks.js';
import type { DeviceNode, Driver, Machine } from '#halflight/commands/machine.js';

export const LOADER = '/usr/lib/x86_64-linux-gnu/libvulkan.so.1';
export const LAVAPIPE = driver('/usr/share/vulkan/icd.d/lvp_icd.json', 'libvulkan_lvp.so');
export const RADEON = driver('/usr/share/vulkan/icd.d/radeon_icd.json', 'libvulkan_radeon.so');
export const NVIDIA = driver('/etc/vulkan/icd.d/nvidia_icd.json', 'libGLX_nvidia.so.0');

export const SOFTWARE: AdapterFindings = {
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

export const GPU: AdapterFindings = {
  ...SOFTWARE,
  summary: { ...SOFTWARE.summary, name: 'nvidia-h200', software: false },
  memory: { totalBytes: 141 * 2 ** 30, usedBytes: 2 ** 29, maxShare: 1 },
};

export type Parts = Partial<Omit<Findings, 'machine'>> & { readonly machine?: Partial<Machine> };

/** Of a made-up machine; without parts one with nothing for Vulkan. */
export function findings({ machine, ...parts }: Parts): Findings {
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
    glibc: 41,
    tooNew: [],
    hasRuntimeFolder: true,
  };
  const rest = { adapter: null, dawnError: null, driverCommands: ['apt-get install mesa'], ...parts };
  return { ...rest, machine: { ...bare, ...machine } };
}

/** A device that opens, unless an error's code says otherwise. */
export function device(path: string, refusal: string | null = null, groupId = 992): DeviceNode {
  return { path, refusal, groupId };
}

function driver(file: string, library: string): Driver {
  return { file, library, libraryFile: `/usr/lib/x86_64-linux-gnu/${library}`, apiVersion: '1.4.305' };
}
