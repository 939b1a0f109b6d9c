import t from 'tap';
import { productWithLora } from '#halflight/model/lora-product.js';
import type { LayerOps } from '#halflight/model/model.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { FLOAT_FORMATS } from '#halflight/quant/formats.js';

const cpu = new CpuOps();
const tensor = (cols: number) => cpu.tensor(2, cols, 'f32', 'activations');
const batch = cpu.batch({
  maxTokens: 2,
  maxSequences: 1,
  maxBlocksPerSequence: 1,
  maxLogits: 1,
  maxSampled: 0,
});
const weight = { rows: 4, cols: 4, parts: [], format: FLOAT_FORMATS.f32 };
const lora = { a: tensor(4), b: tensor(1), rank: 1, ends: [4] };
const rows = { batch, count: 2, of: 'tokens', room: tensor(1) } as const;

/** Operations by name, with what they write to. */
function recorded(): { ops: LayerOps<Float64Array>; calls: [string, unknown][] } {
  const calls: [string, unknown][] = [];
  const record = (name: string) => (args: { out?: unknown }) => void calls.push([name, args.out]);
  const names = ['linear', 'attention', 'rmsNorm', 'layerNorm', 'route', 'addExperts', 'addLora', 'activate'];
  const ops = Object.fromEntries(names.map((name) => [name, record(name)]));
  return { ops: ops as unknown as LayerOps<Float64Array>, calls };
}

const [x, out, gated, normed] = [tensor(4), tensor(4), tensor(8), tensor(4)];
const args = { x, weight, bias: null, out, accumulate: false };
const norm = { weight: tensor(4), eps: 1e-6, out: normed };

t.test('without an adapter a product is one operation, whatever it does on the way', (t) => {
  const { ops, calls } = recorded();
  productWithLora(ops, { ...args, norm, gated }, null, rows);
  productWithLora(ops, args, lora, { ...rows, room: null });
  t.strictSame(
    calls.map(([name]) => name),
    ['linear', 'linear'],
  );
  t.end();
});

t.test('an adapter’s part is added between the norm and the gates', (t) => {
  const { ops, calls } = recorded();
  productWithLora(ops, { ...args, norm, gated }, lora, rows);
  t.strictSame(
    calls.map(([name]) => name),
    ['rmsNorm', 'linear', 'addLora', 'activate'],
  );
  t.ok(calls.every(([, to], i) => to === [normed, gated, gated, out][i]));
  t.end();
});

t.test('LayerNorm has a bias, and plain products have neither norm nor gates', (t) => {
  const { ops, calls } = recorded();
  productWithLora(ops, { ...args, norm: { ...norm, bias: tensor(4) } }, lora, rows);
  productWithLora(ops, args, lora, rows);
  t.strictSame(
    calls.map(([name]) => name),
    ['layerNorm', 'linear', 'addLora', 'linear', 'addLora'],
  );
  t.end();
});
