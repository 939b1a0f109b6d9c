import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ModelConfig } from '../model/config.js';
import { roundsFor } from '../model/experts.js';
import { type Activations, codesFor } from '../model/forward.js';
import type { Layer, Linear, Model, Norm } from '../model/model.js';
import type { AutotuneReport, LinearProduct } from '../webgpu/autotune.js';
import type { Backend } from './backend.js';
import type { LoadProgress } from './options.js';
import { hasExperts } from './sampled-experts.js';

interface TunedModel<B> {
  readonly backend: Backend<B>;
  readonly model: Model<B>;
  readonly activations: Activations<B>;
}

/** Chooses kernels for the model's matrix products where the backend has a choice. Overwrites the activations. */
export async function autotuneModel<B>(
  { backend, model, activations }: TunedModel<B>,
  onProgress: (progress: LoadProgress) => void,
): Promise<void> {
  if (backend.autotune === null) return;
  const stage = 'autotune';
  let last: LoadProgress = { stage, done: 0, total: 0 };
  const products = modelProducts(model, activations).filter((product) => !hasExperts(product));
  const report = await backend.autotune(products, cacheDirectory(), (done, total) => {
    last = { stage, done, total };
    onProgress(last);
  });
  for (const note of reportLines(report)) onProgress({ ...last, note });
}

/** The products of a step, with the tensors that they have there. Those of experts keep the defaults. */
export function modelProducts<B>(
  { config, layers, lmHead }: Pick<Model<B>, 'config' | 'layers' | 'lmHead'>,
  act: Activations<B>,
): readonly LinearProduct<B>[] {
  const { codes, ordered, residual } = act;
  const { activation } = config;
  const normBy = (norm: Norm<B> | null) =>
    norm === null ? null : { ...norm, eps: config.normEps, out: act.normed };
  const ofLayers = layers.flatMap(({ attentionNorm, qkv, o, mlpNorm, router, gateUp, down }) => [
    { x: residual, ...qkv, out: act.qkv, codes: codesFor(qkv, codes), ordered, norm: normBy(attentionNorm) },
    { x: act.attended, ...o, out: act.projected ?? residual, codes: codesFor(o, codes), ordered },
    ...(router === null
      ? [
          {
            x: act.parallel ?? residual,
            ...gateUp,
            out: act.activated,
            codes: codesFor(gateUp, codes),
            ordered,
            norm: act.parallel === null ? normBy(mlpNorm) : null,
            gated: act.gateUp,
            activation,
          },
          {
            x: act.activated,
            ...down,
            out: act.projected ?? residual,
            codes: codesFor(down, codes),
            ordered,
          },
        ]
      : expertProducts(config, { router, gateUp, down }, act)),
  ]);
  return [...ofLayers, { x: act.lastNormed, weight: lmHead, bias: null, out: act.logits, ordered }];
}

function expertProducts<B>(
  { activation }: Pick<ModelConfig, 'activation'>,
  layer: Pick<Layer<B>, 'gateUp' | 'down'> & { readonly router: Linear<B> },
  { normed, experts, ordered }: Activations<B>,
): LinearProduct<B>[] {
  if (experts === null) throw new Error('a layer has experts, and no activations are made for them');
  const { logits, routing, activated, gateUp: gated, outputs } = experts;
  const codes = roundsFor(layer) ? experts.codes : null;
  return [
    { x: normed, ...layer.router, out: logits, ordered },
    {
      x: normed,
      ...layer.gateUp,
      out: activated,
      codes,
      gated,
      activation,
      experts: { routing, of: 'tokens' },
    },
    { x: activated, ...layer.down, out: outputs, codes, experts: { routing, of: 'routes' } },
  ];
}

/** Where files are kept that can be made again (XDG Base Directory Specification). A relative path there is to be ignored. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env, home = homedir()): string {
  const { XDG_CACHE_HOME: given = '' } = env;
  return join(given.startsWith('/') ? given : join(home, '.cache'), 'halflight');
}

/** What to tell of it: what was done, and what went wrong. */
export function reportLines(report: AutotuneReport): readonly string[] {
  const { path, numProducts, numMeasured, timeWasUp, ms, warnings } = report;
  const seconds = `${(ms / 1000).toFixed(1)} s`;
  const rest = timeWasUp ? '; time was up, the rest keeps its defaults' : '';
  const line =
    numMeasured === 0
      ? `autotune: ${numProducts} matrix products as in ${path}`
      : `autotune: ${numMeasured} of ${numProducts} matrix products measured in ${seconds}${rest}; kept in ${path}`;
  return [line, ...warnings.map((warning) => `autotune: warning: ${warning}`)];
}
