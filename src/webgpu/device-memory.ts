import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AdapterSummary } from './adapter.js';

/** WebGPU does not tell how much memory an adapter has, so this is what the operating system tells. */
export interface DeviceMemory {
  readonly totalBytes: number;
  /** Taken by others when it was read. */
  readonly usedBytes: number;
  /** Share of the total that one use, such as a KV cache, may take: 1 where the memory is the device's own. */
  readonly maxShare: number;
}

/** Memory of one device, as its driver lists it. */
export interface ListedMemory {
  /** Empty where the driver names none. */
  readonly name: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** Where the figures come from. An absent tool or folder lists nothing. */
export interface MemorySources {
  nvidia(): Promise<readonly ListedMemory[]>;
  amd(): Promise<readonly ListedMemory[]>;
  /** Of the host, within the limit of this process's container. */
  hostFreeBytes(): number;
  hostTotalBytes(): number;
}

/** A software adapter shares the host's memory with the operating system and with the weights' files. */
const SOFTWARE_SHARE = 1 / 4;
/** What a GPU takes of memory that it shares with the host. */
const UNIFIED_SHARE = 1 / 2;
/** Less than this is no memory of a GPU's own, but what the firmware of an integrated one sets aside. */
const MIN_OWN_BYTES = 2 ** 31;

const MIB = 2 ** 20;
const SMI_TIMEOUT_MS = 5000;

/** null where nothing tells. Read it before the device holds anything, so that what is used is used by others. */
export async function readDeviceMemory(
  { name, vendor, software }: Pick<AdapterSummary, 'name' | 'vendor' | 'software'>,
  sources: MemorySources = SOURCES,
): Promise<DeviceMemory | null> {
  if (software) return { totalBytes: sources.hostFreeBytes(), usedBytes: 0, maxShare: SOFTWARE_SHARE };
  switch (vendor.toLowerCase()) {
    case 'nvidia':
      return ownMemory(await sources.nvidia(), name);
    case 'amd':
      return ownMemory(await sources.amd(), name, unified(sources));
    case 'apple':
      return unified(sources);
    default:
      return null;
  }
}

function unified(sources: MemorySources): DeviceMemory {
  return { totalBytes: sources.hostTotalBytes() * UNIFIED_SHARE, usedBytes: 0, maxShare: 1 };
}

/** Of several devices the one of that name, else of all; where that leaves several, the one with the least free. */
function ownMemory(
  listed: readonly ListedMemory[],
  name: string,
  integrated: DeviceMemory | null = null,
): DeviceMemory | null {
  const named = listed.filter((device) => plainName(device.name) === plainName(name));
  const candidates = named.length > 0 ? named : listed;
  const [chosen] = candidates.toSorted((a, b) => a.freeBytes - b.freeBytes);
  if (chosen === undefined) return null;
  if (chosen.totalBytes < MIN_OWN_BYTES && integrated !== null) return integrated;
  const { totalBytes, freeBytes } = chosen;
  return { totalBytes, usedBytes: totalBytes - freeBytes, maxShare: 1 };
}

/** Dawn writes `nvidia-h200` for what the driver calls `NVIDIA H200`. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Lines of `name, total, free` in MiB; a device that does not tell, such as one with unified memory, is left out. */
export function parseNvidiaSmi(text: string): readonly ListedMemory[] {
  const lines = text.matchAll(/^(.+?), *(\d+), *(\d+)\s*$/gm);
  return [...lines].map(([, name, total, free]) => ({
    name,
    totalBytes: Number(total) * MIB,
    freeBytes: Number(free) * MIB,
  }));
}

/** @param total, used contents of amdgpu's `mem_info_vram_total` and `mem_info_vram_used`, bytes */
export function parseAmdCard(total: string, used: string): readonly ListedMemory[] {
  if (!/^\d+\s*$/.test(total) || !/^\d+\s*$/.test(used)) return [];
  return [{ name: '', totalBytes: Number(total), freeBytes: Number(total) - Number(used) }];
}

/** Every card below `folder` that the amdgpu driver runs. */
export async function readAmdCards(folder = '/sys/class/drm'): Promise<readonly ListedMemory[]> {
  const names = await readdir(folder).catch(() => []);
  const read = (card: string, file: string) =>
    readFile(join(folder, card, 'device', file), 'utf8').catch(() => '');
  const cards = names
    .filter((name) => /^card\d+$/.test(name))
    .map(async (card) =>
      parseAmdCard(await read(card, 'mem_info_vram_total'), await read(card, 'mem_info_vram_used')),
    );
  return (await Promise.all(cards)).flat();
}

async function readNvidiaSmi(): Promise<readonly ListedMemory[]> {
  const args = ['--query-gpu=name,memory.total,memory.free', '--format=csv,noheader,nounits'];
  const ran = await promisify(execFile)('nvidia-smi', args, { timeout: SMI_TIMEOUT_MS }).catch(() => null);
  return ran === null ? [] : parseNvidiaSmi(ran.stdout);
}

/** Of the host, within the limit of this process's container. */
export function hostFreeBytes(): number {
  // The former knows the limits of control groups, the latter what is free of the machine.
  return Math.min(process.availableMemory?.() ?? Number.POSITIVE_INFINITY, freemem());
}

const SOURCES: MemorySources = {
  nvidia: readNvidiaSmi,
  amd: readAmdCards,
  hostFreeBytes,
  hostTotalBytes: totalmem,
};
