import t from 'tap';
import { ropeDispatch } from '#halflight/webgpu/rope-dispatch.js';
import { CAPACITY } from '../support/batches.js';
import { nullOps } from '../support/device.js';

const ops = await nullOps('f32');
t.teardown(() => ops.destroy());

const TUNING = { headLanes: 8, subgroupSums: false, subgroupSize: 8 };

t.test('a workgroup takes a head of a token, and the norms say what is normalised', (t) => {
  const tensor = (cols: number) => ops.tensor(4, cols, 'f32', 'activations');
  const cache = ops.kvCache({ numBlocks: 1, blockSize: 4, numKvHeads: 1, headDim: 16, type: 'f16' });
  const rope = ops.constant(new Float32Array(16), 1, 16);
  const args = { batch: ops.batch(CAPACITY), qkv: tensor(64), q: tensor(32), cache, rope, rotaryDim: 16 };
  const nothing = rope.data;
  const specOf = (numNorms: number | null) => {
    const norm =
      numNorms === null
        ? null
        : { weights: ops.constant(new Float32Array(16 * numNorms), numNorms, 16), eps: 0 };
    const { spec, grid } = ropeDispatch({ ...args, norm, numHeads: 2, rows: 3 }, TUNING, nothing);
    t.strictSame(grid, [4, 3, 1]);
    t.equal(spec.kv, 'f16');
    return spec.constants;
  };
  t.strictSame(specOf(null), { LANES: 8, HEAD_DIM: 16, QK_NORM: 0, WHOLE: 0 });
  t.strictSame(specOf(2), { LANES: 8, HEAD_DIM: 16, QK_NORM: 1, WHOLE: 0 });
  t.strictSame(specOf(3), { LANES: 8, HEAD_DIM: 16, QK_NORM: 1, WHOLE: 1 });
  t.end();
});
