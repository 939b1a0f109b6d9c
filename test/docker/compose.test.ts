import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { SERVE_OPTIONS } from '#halflight/commands/options.js';
import { variableOf } from '#halflight/commands/settings.js';
import { root } from '../support/paths.js';

const FOLDER = join(root, 'docker');
const FILES = readdirSync(FOLDER).filter((name) => /^compose\..*\.yaml$/.test(name));

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly stop_grace_period?: string;
  readonly [key: string]: unknown;
}

function services(file: string): Readonly<Record<string, Service>> {
  return (
    parse(readFileSync(join(FOLDER, file), 'utf8'), { merge: true }) as { services: Record<string, Service> }
  ).services;
}

function serversOf(file: string): readonly Service[] {
  return Object.values(services(file)).filter(({ image }) => image === 'halflight');
}

for (const file of FILES) {
  t.test(`${file}: servers have a read-only root, no capabilities, and time to drain`, async (t) => {
    for (const server of serversOf(file)) {
      t.match(server, { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      const { HALFLIGHT_DRAIN_DELAY: delay = '0' } = server.environment ?? {};
      // 30 s is the default of --shutdown-timeout.
      t.ok(Number.parseInt(server.stop_grace_period ?? '', 10) > Number(delay) + 30);
    }
  });

  t.test(`${file}: every variable is one that the server reads`, async (t) => {
    const others = ['HALFLIGHT_MODEL', 'HF_TOKEN', 'NVIDIA_DRIVER_CAPABILITIES'];
    const known = new Set([...SERVE_OPTIONS.map(variableOf), ...others]);
    for (const server of serversOf(file)) {
      for (const name of Object.keys(server.environment ?? {})) t.ok(known.has(name), name);
    }
  });

  t.test(`${file}: files that are mounted exist, and ports are open to this machine alone`, async (t) => {
    for (const { volumes = [], ports = [] } of Object.values(services(file))) {
      const mounted = volumes
        .map((volume) => volume.split(':', 1)[0] ?? '')
        .filter((name) => name.startsWith('.'));
      for (const path of mounted) t.ok(existsSync(join(FOLDER, path)), path);
      for (const port of ports) t.match(port, /^127\.0\.0\.1:/);
    }
  });
}

t.test('a software adapter is allowed where there is no GPU, and only there', async (t) => {
  for (const file of FILES) {
    for (const { environment } of serversOf(file)) {
      t.equal(environment?.HALFLIGHT_REQUIRE_GPU, file === 'compose.cpu.yaml' ? '0' : undefined, file);
    }
  }
  t.match(readFileSync(join(FOLDER, 'Dockerfile'), 'utf8'), /HALFLIGHT_REQUIRE_GPU=1/);
});

t.test('each of two GPUs has a process of its own that sees no other', async (t) => {
  const ids = serversOf('compose.multi-gpu.yaml').map(
    ({ deploy }) =>
      (deploy as { resources: { reservations: { devices: { device_ids: string[] }[] } } }).resources
        .reservations.devices[0]?.device_ids,
  );
  t.strictSame(ids, [['0'], ['1']]);
});
