// Mesa's Vulkan drivers by apt. Dawn needs Mesa 25 or newer: stock from Debian 13 on, in Debian 12 only in its backports.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture, StepError } from './steps.mjs';

const PACKAGES = ['libvulkan1', 'mesa-vulkan-drivers'];
const BACKPORTS = 'bookworm-backports';
const BACKPORTS_FILE = '/etc/apt/sources.list.d/halflight-backports.list';
const DEBIAN_MIRROR = 'http://deb.debian.org/debian';
const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export function installMesa({ codename }) {
  if (codename !== 'bookworm') return install([]);
  const sources = readSources('/etc/apt');
  if (sources.some((source) => source.suites.includes(BACKPORTS))) return install(['-t', BACKPORTS]);
  return installFromBackports(backportsMirrors(sources, existsSync(DEBIAN_KEYRING)));
}

/** Tries one mirror after another; the file of a mirror without backports does not stay behind. */
function installFromBackports([mirror, ...others]) {
  writeFileSync(BACKPORTS_FILE, backportsLine(mirror));
  try {
    install(['-t', BACKPORTS]);
  } catch (error) {
    rmSync(BACKPORTS_FILE);
    if (others.length === 0) throw error;
    installFromBackports(others);
  }
}

/** A source of a third party may fail to update: only the installation decides, and then both outputs are shown. */
export function install(options, packages = PACKAGES) {
  const update = apt(['update']);
  const ran = apt(['install', '-y', '--no-install-recommends', ...options, ...packages]);
  if (ran.status === 0) return;
  throw new StepError(`apt-get install ${packages.join(' ')} exited with ${ran.status}.`, {
    output: update.output + ran.output,
    advice: 'Check the network and the sources in /etc/apt, then run this again.',
  });
}

function apt(args) {
  // A new cloud machine may still hold apt's lock for its own first updates.
  return capture('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** The machine's own Debian mirrors, then the public one. */
export function backportsMirrors(sources, hasKeyring) {
  const own = sources.filter((source) => source.suites.includes('bookworm'));
  const mirrors = own.flatMap(({ uris, signedBy }) => uris.map((uri) => ({ uri, signedBy })));
  const isPublic = ({ uri }) => uri.replace(/\/$/, '') === DEBIAN_MIRROR;
  return mirrors.some(isPublic)
    ? mirrors
    : [...mirrors, { uri: DEBIAN_MIRROR, signedBy: hasKeyring ? DEBIAN_KEYRING : null }];
}

export function backportsLine({ uri, signedBy }) {
  return `deb ${signedBy === null ? '' : `[signed-by=${signedBy}] `}${uri} ${BACKPORTS} main\n`;
}

function readSources(folder) {
  const parts = join(folder, 'sources.list.d');
  const names = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  return [join(folder, 'sources.list'), ...names].filter(existsSync).flatMap((file) => {
    if (file.endsWith('.sources')) return parseDeb822(readFileSync(file, 'utf8'));
    return file.endsWith('.list') ? parseOneLine(readFileSync(file, 'utf8')) : [];
  });
}

/** sources.list(5), deb822 format: stanzas of `Field: value`. `signedBy` is null for an inline key. */
export function parseDeb822(text) {
  const stanzas = text.replace(/^#.*\n?/gm, '').split(/\n\s*\n/);
  return stanzas.flatMap((stanza) => {
    const field = (name) =>
      stanza.match(new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t].*)*)$`, 'im'))?.[1].trim() ?? '';
    const words = (name) => field(name).split(/\s+/).filter(Boolean);
    if (!words('Types').includes('deb') || field('Enabled').toLowerCase() === 'no') return [];
    return [{ uris: words('URIs'), suites: words('Suites'), signedBy: keyring(field('Signed-By')) }];
  });
}

/** sources.list(5), one-line format: `deb [option=value …] uri suite component…`. */
export function parseOneLine(text) {
  const entry = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/;
  return text.split('\n').flatMap((line) => {
    const match = line.match(entry);
    if (match === null) return [];
    const [, options = '', uri, suite] = match;
    return [
      { uris: [uri], suites: [suite], signedBy: keyring(options.match(/signed-by=(\S+)/i)?.[1] ?? '') },
    ];
  });
}

function keyring(value) {
  return value.startsWith('/') ? value : null;
}
