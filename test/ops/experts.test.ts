import t from 'tap';
import { CpuOps } from '#halflight/ops/cpu.js';
import { addExpertRows, chooseExperts } from '#halflight/ops/experts.js';

const LN2 = Math.log(2);

/** A routing of two tokens by these logits, four experts each. */
function routed(normalized: boolean) {
  const ops = new CpuOps();
  const routing = ops.routing({ maxTokens: 2, numExperts: 4, topK: 2 });
  const logits = ops.tensor(2, 4, 'f32', 'activations');
  ops.write(logits, Float32Array.of(0, LN2, 5 * LN2, 4 * LN2, 1, 1, 1, 1));
  chooseExperts({ logits, routing, rows: 2, normalized, activations: 'float' });
  return { ops, routing };
}

t.test('a token goes to the experts of its greatest logits, the lower id among equals', async (t) => {
  const { ops, routing } = routed(true);
  t.strictSame([...(await ops.readWords(routing.experts, 2)).words], [2, 3, 0, 1]);
  const weights = await ops.read(routing.weights, 2);
  // e^5ln2 : e^4ln2 = 32 : 16.
  const expected = [2 / 3, 1 / 3, 1 / 2, 1 / 2];
  t.ok(
    weights.every((weight, i) => Math.abs(weight - expected[i]) < 1e-6),
    String(weights),
  );
});

t.test('weights that are not normalised are those of the softmax of all', async (t) => {
  const { ops, routing } = routed(false);
  const weights = await ops.read(routing.weights, 2);
  // 32 and 16 of 1 + 2 + 32 + 16.
  const expected = [32 / 51, 16 / 51, 1 / 4, 1 / 4];
  t.ok(
    weights.every((weight, i) => Math.abs(weight - expected[i]) < 1e-6),
    String(weights),
  );
});

t.test('what the experts of a token give is weighed and added to its row', async (t) => {
  const { ops, routing } = routed(true);
  const x = ops.tensor(4, 1, 'f32', 'activations');
  ops.write(x, Float32Array.of(3, 6, 10, 20));
  const out = ops.tensor(2, 1, 'f32', 'activations');
  ops.write(out, Float32Array.of(1, 2));
  addExpertRows({ x, routing, out, rows: 2, scale: 2 });
  // 1 + 2 · (3 · 2/3 + 6 · 1/3) and 2 + 2 · (10/2 + 20/2), to the last bits of f64.
  t.strictSame([...(await ops.read(out, 2))], [9, 32]);
});
