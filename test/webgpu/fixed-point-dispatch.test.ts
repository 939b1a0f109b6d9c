import t from 'tap';
import { parseQuantization } from '#halflight/quant/formats.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import { fixedPointDispatch } from '#halflight/webgpu/fixed-point-dispatch.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { nullDevice } from '../support/device.js';

const device = await nullDevice();
t.teardown(() => device.destroy());
const ops = new WebGpuOps(device, 'f32');
const { tuning } = ops.tilings;
const nothing = ops.tensor(1, 1, 'u32', 'weights').data;

function args(format: string) {
  const packed = quantizeRtn(new Float32Array(70 * 64), 70, 64, parseQuantization(format));
  const tensor = ops.tensor(3, 128, 'u32', 'activations');
  const weight = ops.weight([packed]);
  const out = ops.tensor(3, 70, 'f32', 'activations');
  const rescale = { table: tensor, weightScales: tensor };
  return { x: tensor, codes: tensor, weight, bias: null, out, rescale, rows: 3, accumulate: false };
}

t.test('a lane takes four outputs of a token', (t) => {
  const product = args('int8');
  const { spec, grid } = fixedPointDispatch(product, product.weight.parts[0], tuning, nothing);
  t.match(spec, { kernel: 'fixed_point_int8', weight: 'int8' });
  t.strictSame(grid, [Math.ceil(70 / (4 * tuning.tileLanes)), 3, 1]);
  t.end();
});

t.test('groups, and products that are not rounded, are refused', (t) => {
  const [whole, groups] = [args('int8'), args('int8-g128')];
  const refused = (product: typeof whole, changes: object = {}) =>
    t.throws(() => fixedPointDispatch({ ...product, ...changes }, product.weight.parts[0], tuning, nothing), {
      name: 'RangeError',
    });
  refused(groups);
  refused(whole, { codes: null });
  refused(whole, { rescale: null });
  t.end();
});
