import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { vulkanDrivers } from './machine.js';

/** What decides how wide lavapipe, Mesa's Vulkan on the CPU, may compute. */
export interface SoftwareVulkan {
  /** Flags of the processor, as Linux names them. */
  readonly cpuFlags: ReadonlySet<string>;
  /** Vulkan versions that the installed lavapipe drivers tell of themselves. */
  readonly versions: readonly string[];
}

/** Lavapipe takes vectors of 256 bits by itself, also where the processor has wider ones. */
const WIDTH = 'LP_NATIVE_VECTOR_WIDTH';
const CACHE = 'MESA_SHADER_CACHE_DIR';
const AVX512 = ['avx512f', 'avx512bw', 'avx512dq', 'avx512vl'];
/** Vulkan's number of Mesa 26.1. With Mesa 25.0 and LLVM 15 attention was half again slower with vectors of 512 bits (docs/performance.md). */
const FIRST_FAST = [1, 4, 354];

/**
 * Environment variables that make lavapipe compute with vectors of 512 bits where that is faster. None where one of them is set already.
 * Mesa's cache of shaders does not tell the widths apart, so they get a folder of their own.
 */
export function softwareVectors(
  { cpuFlags, versions }: SoftwareVulkan,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const wide = AVX512.every((flag) => cpuFlags.has(flag));
  if (!wide || env[WIDTH] !== undefined || env[CACHE] !== undefined) return {};
  if (versions.length === 0 || !versions.every(isFast)) return {};
  const caches = env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return { [WIDTH]: '512', [CACHE]: join(caches, 'halflight/shaders-512') };
}

/** This machine's. Reads files alone. */
export function readSoftwareVulkan(env: NodeJS.ProcessEnv): SoftwareVulkan {
  const drivers = vulkanDrivers(env).filter(({ library }) => library.includes('lvp'));
  return { cpuFlags: readCpuFlags(), versions: drivers.map(({ apiVersion }) => apiVersion) };
}

function isFast(version: string): boolean {
  const parts = version.split('.').map(Number);
  const at = FIRST_FAST.findIndex((part, i) => parts[i] !== part);
  return at < 0 || parts[at] > FIRST_FAST[at];
}

function readCpuFlags(): ReadonlySet<string> {
  try {
    const flags = readFileSync('/proc/cpuinfo', 'utf8').match(/^flags\s*: (.*)$/m)?.[1];
    return new Set(flags?.split(' '));
  } catch {
    return new Set();
  }
}
