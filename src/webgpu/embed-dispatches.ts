import { batchLayout } from '../ops/batch-layout.js';
import type { OpArgs, Weight, WeightPart } from '../ops/ops.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';
import { weightBuffers, weightConstants, weightShape } from './weights.js';

type Args = OpArgs<GPUBuffer, 'embed'>;

/** Where in the batch the ids stand whose rows of a table are taken, by what these are multiplied, and whether they are added. */
interface Lookup {
  readonly ids: number;
  readonly scale: number;
  readonly add: boolean;
}

/** A dispatch for each part of the table, and then of the positions where they are learned. */
export function embedDispatches(args: Args, nothing: GPUBuffer): Dispatch[] {
  const { table, scale = 1, positions = null } = args;
  const layout = batchLayout(args.batch.capacity);
  const rowsOf = (weight: Weight<GPUBuffer>, lookup: Lookup) =>
    weight.parts.map((part) => partDispatch(args, part, lookup, nothing));
  return [
    ...rowsOf(table, { ids: layout.tokenIds, scale, add: false }),
    ...(positions === null ? [] : rowsOf(positions, { ids: layout.positions, scale: 1, add: true })),
  ];
}

function partDispatch(
  { batch, previous, out, rows }: Args,
  part: WeightPart<GPUBuffer>,
  { ids, scale, add }: Lookup,
  nothing: GPUBuffer,
): Dispatch {
  if (part.columns !== undefined) throw new RangeError('a table whose columns are in another order');
  const shape = weightShape(part);
  const params = new Params()
    .u32(rows, part.rowStart, part.rows, part.cols, out.stride)
    .u32(ids, previous.stride)
    .f32(scale)
    .u32(...shape);
  return {
    spec: {
      kernel: 'embed',
      weight: part.format.reader,
      types: { Y: out.type },
      constants: { ADD: add ? 1 : 0, ...weightConstants(part) },
    },
    buffers: [batch.data, previous.data, out.data],
    weight: weightBuffers(part, nothing),
    params: params.words,
    grid: [Math.ceil(shape[0] / 8), rows, 1],
  };
}
