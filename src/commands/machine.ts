import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** What a machine has for Vulkan, found by looking at files alone. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  /** ID and ID_LIKE of `/etc/os-release`. */
  readonly systems: readonly string[];
  /** VERSION_CODENAME there; empty where it has none. */
  readonly codename: string;
  /** Paths of `libvulkan.so.1`. */
  readonly loaders: readonly string[];
  readonly drivers: readonly Driver[];
  readonly devices: readonly DeviceNode[];
  /** Of the libraries that NVIDIA's driver links to and does not bring, those that are not here. */
  readonly missingLibraries: readonly string[];
  /** `NVIDIA_DRIVER_CAPABILITIES`: which parts of the driver the container toolkit mounts; null where it is not set. */
  readonly nvidiaCapabilities: string | null;
  /** In a Docker or Podman container, or a pod. */
  readonly isContainer: boolean;
  /** N of this system's C library, glibc 2.N; 0 where it has another. */
  readonly glibc: number;
  /** Drivers whose library asks for a newer glibc 2.N than this system has. */
  readonly tooNew: readonly { readonly file: string; readonly glibc: number }[];
  /** `XDG_RUNTIME_DIR` is a folder that this user may write to. */
  readonly hasRuntimeFolder: boolean;
}

/** An installable client driver (ICD): a JSON file that names a library. */
export interface Driver {
  readonly file: string;
  readonly library: string;
  /** Where the library is; null where it is not. */
  readonly libraryFile: string | null;
  /** The Vulkan version that the file tells, such as `1.4.305`; empty where it tells none. */
  readonly apiVersion: string;
}

/** A render node or NVIDIA device. */
export interface DeviceNode {
  readonly path: string;
  /** Code of the error with which it does not open for reading and writing, such as EACCES; null where it opens. */
  readonly refusal: string | null;
  /** Number of the group that it belongs to. */
  readonly groupId: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the Vulkan loader looks for drivers, after the user's own folders (Vulkan-Loader, LoaderDriverInterface.md). */
const DRIVER_FOLDERS = [
  '/etc/xdg/vulkan/icd.d',
  '/usr/local/etc/vulkan/icd.d',
  '/etc/vulkan/icd.d',
  '/usr/local/share/vulkan/icd.d',
  '/usr/share/vulkan/icd.d',
];

const LIBRARY_FOLDERS = [
  '/usr/local/lib',
  '/usr/lib64',
  '/lib64',
  '/usr/lib',
  '/lib',
  '/usr/local/nvidia/lib64',
];

const NVIDIA_NEEDS = ['libEGL.so.1', 'libGLX.so.0', 'libGLdispatch.so.0', 'libXext.so.6', 'libX11.so.6'];

/** @param base folder that stands for `/` */
export function inspectMachine(env: Environment, base = '/'): Machine {
  const folders = libraryFolders(env, base);
  const release = readText(join(base, 'etc/os-release'));
  const drivers = vulkanDrivers(env, base);
  const glibc = newestGlibc(findIn(folders, 'libc.so.6'));
  return {
    platform: process.platform,
    systems: [releaseField(release, 'ID'), ...releaseField(release, 'ID_LIKE').split(' ')].filter(Boolean),
    codename: releaseField(release, 'VERSION_CODENAME'),
    loaders: distinct(
      folders.map((folder) => join(folder, 'libvulkan.so.1')).filter((file) => existsSync(file)),
    ),
    drivers,
    devices: [
      ...deviceNodes(join(base, 'dev/dri'), /^renderD\d+$/),
      ...deviceNodes(join(base, 'dev'), /^nvidia(\d+|ctl)$/),
    ],
    missingLibraries: NVIDIA_NEEDS.filter((name) => findIn(folders, name) === null),
    nvidiaCapabilities: env.NVIDIA_DRIVER_CAPABILITIES ?? null,
    isContainer:
      env.KUBERNETES_SERVICE_HOST !== undefined ||
      // Podman's own; on a read-only root it makes no file.
      env.container !== undefined ||
      ['.dockerenv', 'run/.containerenv'].some((name) => existsSync(join(base, name))),
    glibc,
    tooNew: driversBeyond(glibc, drivers),
    hasRuntimeFolder: isWritableFolder(env.XDG_RUNTIME_DIR ?? ''),
  };
}

/** By their files alone: no device is opened and no library read. */
export function vulkanDrivers(env: Environment, base = '/'): readonly Driver[] {
  const folders = libraryFolders(env, base);
  return driverFiles(env, base).map((file) => readDriver(file, folders));
}

/**
 * Commands for root that install a driver, from `scripts/drivers.json`: `[{ systems, codename?, commands }]`, first match wins,
 * the last entry serves all others.
 */
export function driverCommands(
  machine: Pick<Machine, 'systems' | 'codename'>,
  table: string,
): readonly string[] {
  const entries = parseCommands(table);
  const fits = (entry: CommandEntry) =>
    entry.systems.some((name) => machine.systems.includes(name)) &&
    (entry.codename === undefined || entry.codename === machine.codename);
  return (entries.find(fits) ?? entries.at(-1))?.commands ?? [];
}

interface CommandEntry {
  readonly systems: readonly string[];
  readonly codename?: string;
  readonly commands: readonly string[];
}

function parseCommands(table: string): readonly CommandEntry[] {
  const text = readText(table);
  return text === '' ? [] : (JSON.parse(text) as readonly CommandEntry[]);
}

function releaseField(text: string, name: string): string {
  return text.match(new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm'))?.[1] ?? '';
}

function libraryFolders(env: Environment, base: string): readonly string[] {
  const own = paths(env.LD_LIBRARY_PATH);
  const multiarch = names(join(base, 'usr/lib')).filter((name) => name.includes('-linux-gnu'));
  const system = [...multiarch.map((name) => `usr/lib/${name}`), ...LIBRARY_FOLDERS];
  return [...own, ...system.map((folder) => join(base, folder))];
}

/** VK_DRIVER_FILES (once called VK_ICD_FILENAMES) replaces the folders; VK_ADD_DRIVER_FILES adds to them. */
function driverFiles(env: Environment, base: string): readonly string[] {
  const only = paths(env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES);
  return only.length > 0
    ? only
    : [...paths(env.VK_ADD_DRIVER_FILES), ...driverFolders(env, base).flatMap(jsonFiles)];
}

function driverFolders(env: Environment, base: string): readonly string[] {
  const home = env.HOME ?? '';
  const own = [env.XDG_CONFIG_HOME ?? join(home, '.config'), env.XDG_DATA_HOME ?? join(home, '.local/share')];
  return [
    ...own.map((folder) => join(folder, 'vulkan/icd.d')),
    ...DRIVER_FOLDERS.map((folder) => join(base, folder)),
  ];
}

function jsonFiles(folder: string): readonly string[] {
  return names(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(folder, name));
}

function readDriver(file: string, folders: readonly string[]): Driver {
  const text = readText(file);
  const field = (name: string) => text.match(new RegExp(`"${name}"\\s*:\\s*"([^"]+)"`))?.[1] ?? '';
  const library = field('library_path');
  return {
    file,
    library,
    apiVersion: field('api_version'),
    libraryFile: library === '' ? null : findLibrary(file, library, folders),
  };
}

/** A bare name is looked up as the dynamic linker does; a relative path starts at the driver file. */
function findLibrary(file: string, library: string, folders: readonly string[]): string | null {
  return library.includes('/') ? findIn([dirname(file)], library) : findIn(folders, library);
}

function findIn(folders: readonly string[], name: string): string | null {
  return folders.map((folder) => resolve(folder, name)).find((path) => existsSync(path)) ?? null;
}

function driversBeyond(glibc: number, drivers: readonly Driver[]): Machine['tooNew'] {
  if (glibc === 0) return [];
  return drivers
    .map(({ file, libraryFile }) => ({ file, glibc: newestGlibc(libraryFile) }))
    .filter((driver) => driver.glibc > glibc);
}

/** N of the newest GLIBC_2.N that a library names: libc.so.6 those that it has, others those that they need. 0 where it names none. */
function newestGlibc(library: string | null): number {
  const named = library === null ? [] : readText(library, 'latin1').matchAll(/GLIBC_2\.(\d+)/g);
  return Math.max(0, ...[...named].map(([, minor]) => Number(minor)));
}

function deviceNodes(folder: string, pattern: RegExp): readonly DeviceNode[] {
  return names(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
    .map((path) => ({
      path,
      refusal: refusalOf(path),
      groupId: statSync(path, { throwIfNoEntry: false })?.gid ?? 0,
    }));
}

/** It is opened, for a container that was not given the device refuses what the file's rights allow. */
function refusalOf(path: string): string | null {
  try {
    closeSync(openSync(path, 'r+'));
    return null;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

function isWritableFolder(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Without those that a link makes the same file, such as /lib64 for /usr/lib64. */
function distinct(files: readonly string[]): readonly string[] {
  return [...new Map(files.map((file) => [realpathSync(file), file])).values()];
}

function paths(list: string | undefined): readonly string[] {
  return (list ?? '').split(':').filter(Boolean);
}

/** Sorted names in a folder; none where it does not exist or may not be read. */
function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function readText(file: string, encoding: BufferEncoding = 'utf8'): string {
  try {
    return readFileSync(file, encoding);
  } catch {
    return '';
  }
}
