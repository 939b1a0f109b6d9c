import t from 'tap';
import { layerNormDispatch, rmsNormDispatch } from '#halflight/webgpu/norm-dispatches.js';
import { nullOps } from '../support/device.js';

const ops = await nullOps('f32');
t.teardown(() => ops.destroy());

const TUNING = { normLanes: 64, normVectors: 2, subgroupSums: true, subgroupSize: 8 };
const SUBGROUPS = { LANES: 64, SUBGROUP_LANES: 8 };

/** Operands of a norm of three rows. */
function norm(cols: number, scale?: number) {
  const [x, out] = [0, 1].map(() => ops.tensor(4, cols, 'f32', 'activations'));
  return { x, out, weight: ops.constant(new Float32Array(cols), 1, cols), rows: 3, eps: 0, scale };
}

t.test('a workgroup holds a row in vectors where it fits, and has no more lanes than it needs', (t) => {
  const shape = (cols: number) => {
    const { spec, grid } = rmsNormDispatch(norm(cols), TUNING);
    t.strictSame([grid, spec.lanes], [[3, 1, 1], 'subgroups']);
    return [spec.kernel, spec.constants.LANES, spec.unroll?.VECTORS];
  };
  t.strictSame(shape(1), ['rms_norm_vectors', 8, 1]);
  t.strictSame(shape(33), ['rms_norm_vectors', 16, 1]);
  t.strictSame(shape(256), ['rms_norm_vectors', 64, 1]);
  t.strictSame(shape(512), ['rms_norm_vectors', 64, 2]);
  t.strictSame(shape(513), ['rms_norm', 64, undefined]);
  t.end();
});

t.test('rows are counted in vectors there, and in elements elsewhere', (t) => {
  const strides = (normVectors: number) => [
    ...rmsNormDispatch(norm(33), { ...TUNING, normVectors }).params.subarray(0, 3),
  ];
  t.strictSame(strides(2), [33, 16, 16]);
  t.strictSame(strides(0), [33, 64, 64]);
  t.end();
});

t.test('only a norm with a scale is added', (t) => {
  const added = (scale?: number) => rmsNormDispatch(norm(512, scale), TUNING).spec.constants;
  t.strictSame(added(), { ...SUBGROUPS, ADD: 0 });
  t.strictSame(added(0.5), { ...SUBGROUPS, ADD: 1 });
  t.end();
});

t.test('a layer norm takes all lanes for each row', (t) => {
  const { x, out, weight, rows, eps } = norm(8);
  const { spec, grid, params } = layerNormDispatch({ x, out, weight, bias: weight, rows, eps }, TUNING);
  t.strictSame([spec.constants, spec.lanes, grid], [SUBGROUPS, 'subgroups', [3, 1, 1]]);
  t.strictSame([...params.subarray(0, 3)], [8, 32, 32]);
  t.end();
});
