import t, { type Test } from 'tap';
import { ggufInputs, ggufSource, planGguf } from '#halflight/calibrate/job/gguf-plan.js';
import { ggufScheme } from '#halflight/calibrate/job/gguf-schemes.js';
import { parseKeep } from '#halflight/calibrate/job/keep.js';
import { ggufMethod, parseMethod } from '#halflight/calibrate/job/methods.js';
import { preflight } from '#halflight/calibrate/job/preflight.js';
import type { MatrixResult } from '#halflight/calibrate/method.js';
import { dequantize, FLOAT_FORMATS } from '#halflight/quant/formats.js';
import { packFloat } from '#halflight/quant/pack.js';
import { writableTiny, writtenModel } from '../../support/gguf-written.js';
import type { TinyModel } from '../../support/tiny.js';

async function planned(
  t: Test,
  name: TinyModel,
  schemeName: string,
  keep: readonly string[] = [],
  takesSupers = true,
) {
  const model = await writtenModel(t, await writableTiny(t, name));
  const scheme = ggufScheme(schemeName);
  if (scheme === null) throw new Error(schemeName);
  return { model, plan: planGguf(model.config, model, { scheme, keep: keep.map(parseKeep), takesSupers }) };
}

t.test('every tensor has its type, and those that rows do not suit are told', async (t) => {
  const { plan } = await planned(t, 'llama', 'q4_k_m');
  const { formats, exceptions, outputBytes } = preflight(plan, parseMethod('rtn').method);
  // Rows of 64 and 128 hold no blocks of 256.
  t.same([...formats.keys()].sort(), ['Q5_0', 'Q8_0']);
  t.equal(
    exceptions.length,
    [...formats.values()].reduce((a, b) => a + b),
  );
  t.match(exceptions[0], { note: /blocks of 256/ });
  t.equal(outputBytes, plan.shards.totalBytes);
  t.equal(plan.quantizationConfig, null);
});

t.test('matrices whose inputs no text tells are named where the method weighs by inputs', async (t) => {
  const { plan } = await planned(t, 'mixtral', 'q4_0');
  const told = (method: string) => preflight(plan, ggufMethod(parseMethod(method))).exceptions;
  const fitting = told('rtn').length;
  for (const method of ['imatrix', 'gptq', 'awq', 'smoothquant']) {
    const blind = told(method).filter(({ note }) => /nothing is (known|folded)/.test(note));
    t.match(blind.map(({ tensor }) => tensor).join(), /blk\.0\.ffn_gate_exps.*blk\.0\.ffn_down_exps/, method);
    t.notOk(blind.some(({ tensor }) => /attn_/.test(tensor)));
    t.ok(told(method).length >= fitting);
  }
});

t.test('copies come first, then matrices by layers', async (t) => {
  const { plan } = await planned(t, 'gpt2', 'q8_0');
  const layers = plan.tasks.flatMap((task) => (task.kind === 'matrix' ? [task.layer ?? -1] : []));
  t.same(
    layers,
    [...layers].sort((a, b) => a - b),
  );
  const first = plan.tasks.findIndex(({ kind }) => kind === 'matrix');
  t.ok(plan.tasks.slice(first).every(({ kind }) => kind === 'matrix'));
});

t.test('modules that are kept have the type that is asked for, or their own', async (t) => {
  const keep = ['*.down_proj', 'lm_head=f16', 'model.norm=f16'];
  const { plan } = await planned(t, 'llama', 'q8_0', keep);
  const dtypeOf = (name: string) => plan.tasks.find(({ info }) => info.name === name)?.outputs[0].dtype;
  t.equal(dtypeOf('blk.1.ffn_down.weight'), 'BF16');
  t.equal(dtypeOf('output.weight'), 'F16');
  t.equal(dtypeOf('output_norm.weight'), 'F32', 'norms are f32 in any case');
  await t.rejects(planned(t, 'llama', 'q8_0', ['nothing']), {
    name: 'UserError',
    message: /no module has such a path/,
  });
});

t.test('a method without codes of K types is refused where layers have them', async (t) => {
  const { model } = await planned(t, 'llama', 'q8_0');
  const wide = { ...model, parts: model.parts.map((part) => ({ ...part, shape: part.shape.with(-1, 256) })) };
  const scheme = ggufScheme('q4_k_m');
  if (scheme === null) throw new Error('q4_k_m');
  const options = { scheme, keep: [], takesSupers: false };
  t.throws(() => planGguf(model.config, wide, options), {
    name: 'UserError',
    message: /--method: has no codes of Q4_K/,
  });
});

t.test('what a matrix became is put into the model’s own order and name', async (t) => {
  const { model } = await planned(t, 'llama', 'q8_0');
  const source = ggufSource(model.parts, { close: async () => undefined });
  const seen: [string, MatrixResult['packed']][] = [];
  const inputs = ggufInputs(
    {
      reach: async () => undefined,
      statsOf: async () => null,
      replace: (name, { packed }) => void seen.push([name, packed]),
    },
    model.parts,
  );
  for (const [name, own] of [
    ['blk.0.attn_q.weight', 'model.layers.0.self_attn.q_proj.weight'],
    ['blk.0.ffn_up.weight', 'model.layers.0.mlp.up_proj.weight'],
  ]) {
    const [rows, cols] = source.tensors.get(name)?.shape ?? [];
    const packed = packFloat(await source.readF32(name), 'f32', rows, cols);
    t.equal(packed.format, FLOAT_FORMATS.f32);
    inputs.replace(name, { packed, groupIndex: null });
    t.equal(seen.at(-1)?.[0], own);
    t.strictSame(dequantize(seen.at(-1)?.[1] ?? packed), await model.checkpoint.readF32(own));
  }
  inputs.replace('output.weight', { packed: seen[0][1], groupIndex: null });
  t.equal(seen.length, 2, 'what is no layer’s is not replaced');
});
