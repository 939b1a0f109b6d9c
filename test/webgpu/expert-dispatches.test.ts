import t from 'tap';
import { orderWords, routeDispatches, tilesOffset } from '#halflight/webgpu/expert-dispatches.js';
import { nullOps } from '../support/device.js';
import { GPU_TUNING as GPU } from '../support/tuning.js';

const SHAPE = { maxTokens: 64, numExperts: 4, topK: 2 };
const ops = await nullOps('f32');
t.teardown(() => ops.destroy());

function kernelsOf(rows: number): string[] {
  const routing = ops.routing(SHAPE);
  const logits = ops.tensor(64, 4, 'f32', 'activations');
  const args = { logits, routing, rows, normalized: true, activations: 'float' } as const;
  return routeDispatches(args, 'f32', GPU).map(({ spec }) => spec.kernel);
}

t.test('routes are put together by experts where tiles hold several', (t) => {
  t.strictSame(kernelsOf(1), ['route']);
  t.strictSame(kernelsOf(64), ['route', 'group_routes']);
  t.end();
});

t.test('the order has room for every route and a tile for each', (t) => {
  t.equal(tilesOffset(SHAPE), 128);
  t.equal(orderWords(SHAPE), 128 + 3 * 128);
  t.end();
});
