import t from 'tap';
import { CpuOps } from '#halflight/ops/cpu.js';
import { product } from '#halflight/ops/linear.js';
import { packFloat } from '#halflight/quant/pack.js';

/** Two experts, of which each token takes both: the first token the second expert first. */
function products(of: 'tokens' | 'routes') {
  const ops = new CpuOps();
  const routing = ops.routing({ maxTokens: 2, numExperts: 2, topK: 2 });
  ops.write(routing.experts, Float32Array.of(1, 0, 0, 1));
  const weight = ops.weight([packFloat(Float32Array.of(1, 10, 100, 1000), 'f32', 4, 1)]);
  const bias = ops.constant(Float32Array.of(0, 0.5, 0, 0.25), 1, 4);
  const x = ops.tensor(4, 1, 'f32', 'activations');
  ops.write(x, Float32Array.of(1, 2, 3, 4));
  const out = ops.tensor(4, 2, 'f32', 'activations');
  product({ x, weight, bias, out, rows: 2, accumulate: false, experts: { routing, of } });
  return ops.read(out, 4);
}

t.test('each route of a token is multiplied by its expert’s matrix', async (t) => {
  t.strictSame([...(await products('tokens'))], [100, 1000.25, 1, 10.5, 2, 20.5, 200, 2000.25]);
});

t.test('rows of routes are multiplied each by the matrix of its own expert', async (t) => {
  t.strictSame([...(await products('routes'))], [100, 1000.25, 2, 20.5, 3, 30.5, 400, 4000.25]);
});
