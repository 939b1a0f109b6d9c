import t from 'tap';
import { mergeDispatch } from '#halflight/webgpu/merge-dispatch.js';
import { nullOps } from '../support/device.js';
import { Random } from '../support/random.js';
import { randomWeight } from '../support/weights.js';

t.test('a part of the weight is added up into its own columns of the output, with its bias', async (t) => {
  const ops = await nullOps('f32');
  t.teardown(() => ops.destroy());
  const random = new Random(1);
  const weight = ops.weight(['f32', 'f32'].map((format) => randomWeight(random, format, 70, 64)));
  const [x, out] = [64, 140].map((cols) => ops.tensor(3, cols, 'f32', 'activations'));
  const bias = ops.constant(new Float32Array(140), 1, 140);
  const sums = ops.tensor(1, 4, 'f32', 'activations').data;
  const args = { x, weight, bias, out, rows: 3, accumulate: true, scale: 2 };
  const [, part] = weight.parts;
  const { buffers, params, grid } = mergeDispatch(args, part, sums, 5, x.data);
  t.strictSame(grid, [2, 3, 1]);
  t.ok(buffers[0] === sums && buffers[1] === bias.data && buffers[2] === out.data);
  t.strictSame([...params.slice(0, 8)], [3, 70, 70, out.stride, 5, 1, 1, 0]);
  t.equal(new Float32Array(params.buffer, params.byteOffset)[8], 2);
  t.ok(mergeDispatch({ ...args, bias: null }, part, sums, 5, x.data).buffers[1] === x.data);
  const gated = mergeDispatch({ ...args, gated: out, activation: 'gelu' }, part, sums, 5, x.data);
  t.strictSame(gated.grid, [1, 3, 1], 'a lane for each gate');
  t.equal(gated.params[7], 35);
  t.match(gated.spec.constants, { ACTIVATION: 1 });
});
