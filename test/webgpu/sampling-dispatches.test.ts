import t from 'tap';
import { batchLayout } from '#halflight/ops/batch-layout.js';
import { RESULT } from '#halflight/ops/result-layout.js';
import {
  editLogitsDispatch,
  logprobsDispatch,
  sampleDispatch,
} from '#halflight/webgpu/sampling-dispatches.js';
import { CAPACITY } from '../support/batches.js';
import { nullOps } from '../support/device.js';

const ops = await nullOps('f32');
t.teardown(() => ops.destroy());

const batch = ops.batch(CAPACITY);
const logits = ops.tensor(16, 70, 'f32', 'activations');
const [out, previous] = [1, 2].map(() => ops.tensor(8, RESULT.words, 'u32', 'activations'));
const table = batchLayout(CAPACITY).rows;

const TUNING = { sampleLanes: 32, subgroupSums: true, subgroupSize: null };

t.test('each row is one workgroup of the lanes that are asked for', (t) => {
  const dispatches = [
    editLogitsDispatch({ batch, previous, logits, rows: 3 }, TUNING),
    sampleDispatch({ batch, logits, out, rows: 3 }, TUNING),
    logprobsDispatch({ batch, logits, out, rows: 3 }, TUNING),
  ];
  for (const { grid, spec } of dispatches) t.strictSame([grid, spec.constants], [[3, 1, 1], { LANES: 32 }]);
  t.end();
});

t.test('parameters come in the order of the shaders', (t) => {
  const words = ({ params }: { params: Uint32Array }) => [...params.subarray(0, 6)];
  const edit = editLogitsDispatch({ batch, previous, logits, rows: 1 }, TUNING);
  t.strictSame(words(edit), [70, 96, CAPACITY.maxLogits, 64, 0, 0]);
  t.strictSame(words(sampleDispatch({ batch, logits, out, rows: 1 }, TUNING)), [
    70,
    96,
    table,
    64,
    0x8000_0000,
    0,
  ]);
  t.strictSame(words(logprobsDispatch({ batch, logits, out, rows: 1 }, TUNING)), [70, 96, table, 64, 0, 0]);
  t.end();
});
