import type { Fields } from '../checkpoint/fields.js';

/** What a family's data file says of its experts. */
export interface ExpertFamily {
  /** Whether the weights of a token's experts sum to 1, or the key of config.json that says so. */
  readonly normalized: boolean | string;
  /** Rows of gate and up that lie in one matrix take turns, instead of one half following the other. */
  readonly interleaved: boolean;
  readonly routerBias: boolean;
  /** The ways in which checkpoints hold them; at least one. */
  readonly forms: readonly ExpertPaths[];
}

/**
 * Paths of the modules, with `{layer}` for the layer's index. One with `{expert}` is a module for each expert, with `.weight` and `.bias`; another
 * is a tensor of all of them, its biases `_bias`. Gate and up of equal path are one matrix.
 */
export interface ExpertPaths {
  readonly router: string;
  readonly gate: string;
  readonly up: string;
  readonly down: string;
  /** How each expert's matrix lies. */
  readonly layout: 'rows' | 'transposed';
  readonly bias: boolean;
}

/** Throws CheckpointError. */
export function readExpertFamily(fields: Fields): ExpertFamily {
  const normalized = fields.raw('normalized');
  const forms = fields.list('forms').map((form) => readPaths(fields.item('forms', form)));
  if (forms.length === 0) throw fields.error('forms', 'must hold one form');
  return {
    normalized: typeof normalized === 'string' ? normalized : fields.boolean('normalized'),
    interleaved: fields.boolean('interleaved', false),
    routerBias: fields.boolean('routerBias', false),
    forms,
  };
}

function readPaths(fields: Fields): ExpertPaths {
  const layered = (key: string) => {
    const path = fields.string(key);
    if (path.includes('{layer}')) return path;
    throw fields.error(key, 'must contain {layer}');
  };
  const layout = fields.string('layout', 'rows');
  if (layout !== 'rows' && layout !== 'transposed')
    throw fields.error('layout', 'must be rows or transposed');
  return {
    router: layered('router'),
    gate: layered('gate'),
    up: layered('up'),
    down: layered('down'),
    layout,
    bias: fields.boolean('bias', false),
  };
}
