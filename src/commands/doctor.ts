import { fileURLToPath } from 'node:url';
import { type DeviceMemory, readDeviceMemory } from '../webgpu/device-memory.js';
import { type AdapterFindings, type Findings, findProblems } from './doctor-checks.js';
import { driverCommands, inspectMachine, type Machine } from './machine.js';

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
  return [
    ...adapterLines(findings.adapter),
    ...(findings.machine.platform === 'linux' ? vulkanLines(findings.machine) : []),
    ...findProblems(findings).flatMap(({ problem, mend }) => [
      '',
      problem,
      ...mend.map((line) => `  ${line}`),
    ]),
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
        ({ file, library, libraryFile }) =>
          `${file} (${library || 'library'}${libraryFile === null ? ': not found' : ''})`,
      ),
    ),
    ...rows(
      'GPU device',
      devices.map(({ path, refusal }) => `${path}${refusal === null ? '' : ` (not opened: ${refusal})`}`),
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

function formatBytes(bytes: number): string {
  if (bytes >= 2 ** 30) return `${Number((bytes / 2 ** 30).toFixed(2))} GiB`;
  if (bytes >= 2 ** 20) return `${Number((bytes / 2 ** 20).toFixed(2))} MiB`;
  return `${Number((bytes / 2 ** 10).toFixed(2))} KiB`;
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
}
