import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SERVE_OPTIONS } from '#halflight/commands/options.js';
import { variableOf } from '#halflight/commands/settings.js';
import { inOrder, type Manifest, render, renderByKustomize } from '../support/kustomize.js';
import { root } from '../support/paths.js';

const FOLDER = join(root, 'docker/kubernetes/overlays');
const OVERLAYS = readdirSync(FOLDER).sort();

interface Container {
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources: { readonly limits?: Readonly<Record<string, number>> };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly [probe: `${string}Probe`]: { readonly httpGet: object; readonly failureThreshold: number };
  readonly securityContext: object;
}

interface PodSpec {
  readonly enableServiceLinks: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: object;
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
}

type Spec = Manifest & { readonly spec: Readonly<Record<string, unknown>> };

function manifest(overlay: string, kind: string): Spec {
  const found = render(join(FOLDER, overlay)).find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`${overlay} has no ${kind}`);
  return found as Spec;
}

function podOf(overlay: string): { spec: PodSpec; container: Container; env: Map<string, string> } {
  const { template } = manifest(overlay, 'Deployment').spec as { template: { spec: PodSpec } };
  const [container] = template.spec.containers;
  if (container === undefined) throw new Error('a pod without containers');
  const env = new Map(container.env.map(({ name, value }) => [name, value]));
  return { spec: template.spec, container, env };
}

t.test('there is an overlay for each kind of machine', async (t) => {
  t.strictSame(OVERLAYS, ['cpu', 'dri', 'inferencepool', 'keda', 'nvidia']);
});

for (const overlay of OVERLAYS) {
  t.test(`${overlay}: kustomize makes the same of it`, async (t) => {
    const theirs = renderByKustomize(join(FOLDER, overlay));
    if (theirs === null) return t.comment('skipped: this machine has neither kustomize nor kubectl');
    const ours = render(join(FOLDER, overlay));
    const byKind = (list: readonly Manifest[]) =>
      Object.fromEntries(list.map((one) => [`${one.kind} ${one.metadata.name}`, inOrder(one)]));
    t.strictSame(byKind(ours), byKind(theirs));
  });

  t.test(`${overlay}: the pod has no more rights than it needs`, async (t) => {
    const { spec, container } = podOf(overlay);
    t.match(spec.securityContext, { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 });
    t.strictSame(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    t.equal(spec.enableServiceLinks, false, 'HALFLIGHT_PORT would be tcp://…');
  });

  t.test(`${overlay}: it is given the time to drain`, async (t) => {
    const { spec, container, env } = podOf(overlay);
    const drainSeconds =
      Number(env.get('HALFLIGHT_DRAIN_DELAY')) + Number(env.get('HALFLIGHT_SHUTDOWN_TIMEOUT'));
    t.ok(spec.terminationGracePeriodSeconds > drainSeconds);
    const { readinessProbe, livenessProbe, startupProbe } = container;
    t.match(readinessProbe.httpGet, { path: '/health/ready', port: 'http' });
    t.match(livenessProbe.httpGet, { path: '/health/live', port: 'http' });
    t.match(startupProbe.httpGet, { path: '/health/ready', port: 'http' });
  });

  t.test(`${overlay}: every variable is one that the server reads`, async (t) => {
    const known = new Set([...SERVE_OPTIONS.map(variableOf), 'NVIDIA_DRIVER_CAPABILITIES']);
    for (const name of podOf(overlay).env.keys()) t.ok(known.has(name), name);
  });

  t.test(`${overlay}: what is mounted is a volume, and models outlive the pod`, async (t) => {
    const { spec, container } = podOf(overlay);
    t.strictSame(
      container.volumeMounts.map(({ name }) => name).sort(),
      spec.volumes.map(({ name }) => name).sort(),
    );
    t.match(spec.volumes, [{ name: 'models', persistentVolumeClaim: { claimName: 'halflight-models' } }]);
    t.equal(manifest(overlay, 'PersistentVolumeClaim').metadata.name, 'halflight-models');
  });

  t.test(`${overlay}: the service finds the pod and its port`, async (t) => {
    const { spec } = manifest(overlay, 'Deployment') as unknown as {
      spec: { selector: { matchLabels: object }; template: { metadata: { labels: object } } };
    };
    const service = manifest(overlay, 'Service').spec;
    t.strictSame(service.selector, spec.template.metadata.labels);
    t.strictSame(spec.selector.matchLabels, spec.template.metadata.labels);
    t.match(service.ports, [{ port: 8000, targetPort: 'http' }]);
    t.match(podOf(overlay).container.ports, [{ name: 'http', containerPort: 8000 }]);
  });
}

t.test('nvidia asks for a GPU, and for the graphics part of its driver', async (t) => {
  const { container, env } = podOf('nvidia');
  t.equal(container.resources.limits?.['nvidia.com/gpu'], 1);
  t.equal(env.get('NVIDIA_DRIVER_CAPABILITIES'), 'compute,utility,graphics');
  t.notOk(env.has('HALFLIGHT_REQUIRE_GPU'), 'the image refuses software');
});

t.test('dri asks for a GPU and its group, by number', async (t) => {
  const { container, spec } = podOf('dri');
  t.equal(container.resources.limits?.['amd.com/gpu'], 1);
  t.match(spec.securityContext, { supplementalGroups: [Number], runAsNonRoot: true });
});

t.test('cpu allows the software adapter', async (t) => {
  t.equal(podOf('cpu').env.get('HALFLIGHT_REQUIRE_GPU'), '0');
});

t.test('keda scales the deployment with the queue, and not to nothing where nobody answers', async (t) => {
  const { spec } = manifest('keda', 'ScaledObject');
  t.strictSame(spec.scaleTargetRef, { name: manifest('keda', 'Deployment').metadata.name });
  t.match(spec.triggers, [
    {
      type: 'prometheus',
      metadata: { query: 'sum(vllm:num_requests_waiting)', ignoreNullValues: 'false' },
    },
  ]);
});

t.test('the pool selects the pods, at the port of API and metrics, and the route leads to it', async (t) => {
  const pool = manifest('inferencepool', 'InferencePool');
  const { selector } = manifest('inferencepool', 'Service').spec;
  t.strictSame(pool.spec.selector, { matchLabels: selector });
  t.strictSame(pool.spec.targetPorts, [{ number: 8000 }]);
  t.match(manifest('inferencepool', 'HTTPRoute').spec.rules, [
    { backendRefs: [{ kind: 'InferencePool', name: pool.metadata.name }] },
  ]);
});
