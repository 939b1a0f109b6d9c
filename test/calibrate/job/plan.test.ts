import t, { type Test } from 'tap';
import type { JobPlan } from '#halflight/calibrate/job/plan.js';
import { formatName } from '#halflight/quant/formats.js';
import type { TinyModel } from '../../support/tiny.js';
import { planTiny } from './support.js';

const planned = async (t: Test, ...args: [TinyModel, string, object?]) => (await planTiny(t, ...args)).plan;
const formatsOf = ({ tasks }: JobPlan) =>
  new Set(tasks.flatMap((task) => (task.kind === 'matrix' ? [formatName(task.spec.format)] : [])));
const notesOf = ({ tasks }: JobPlan) => new Set(tasks.flatMap(({ note }) => note ?? []));

t.test('layers are quantized, and the rest is copied first', async (t) => {
  const { tasks, quantizationConfig } = await planned(t, 'llama', 'int4');
  const kinds = tasks.map(({ kind }) => kind);
  t.ok(kinds.lastIndexOf('copy') < kinds.indexOf('matrix'));
  t.ok(tasks.filter(({ kind }) => kind === 'copy').every(({ info }) => /embed|norm|lm_head/.test(info.name)));
  t.match(quantizationConfig, { ignore: ['lm_head'] });
});

t.test('groups that do not divide a row become smaller ones, or one', async (t) => {
  const plan = await planned(t, 'llama', 'int4-g256');
  t.notOk(formatsOf(plan).has('int4-g256'));
  t.ok(
    [...notesOf(plan)].every((note) => /^int4.*: \[\d+, \d+\] is not divided by groups of 256$/.test(note)),
  );
  t.not(notesOf(plan).size, 0);
});

t.test('formats without a place for other groups keep such matrices as floats', async (t) => {
  await t.rejects(planned(t, 'llama', 'int4-g256-asym', { format: 'awq' }), {
    name: 'UserError',
    message: /^nothing can be quantized: \[\d+, \d+\] is not divided by groups of 256/,
  });
  const plan = await planned(t, 'llama', 'int4-g32-asym', { format: 'awq' });
  t.strictSame(formatsOf(plan), new Set(['int4-g32-asym']));
});

t.test('kept modules stay floats, and the configuration tells', async (t) => {
  const keep = ['*.down_proj', 'lm_head=f16'];
  const { tasks, quantizationConfig } = await planned(t, 'llama', 'int8', { keep });
  const kept = tasks.filter(({ note }) => note === '--keep');
  t.ok(kept.length > 0 && kept.every(({ kind, info }) => kind === 'copy' && /down_proj/.test(info.name)));
  t.strictSame(
    (quantizationConfig as { ignore: string[] }).ignore.slice(1),
    kept.map(({ info }) => info.name.replace('.weight', '')),
  );
  const head = tasks.find(({ info }) => info.name === 'lm_head.weight');
  t.match(head, { kind: 'copy', outputs: [{ dtype: 'F16' }] });
});

t.test('matrices that lie by inputs go where they are turned', async (t) => {
  await t.rejects(planned(t, 'gpt2', 'int4'), {
    name: 'UserError',
    message: /lies by inputs.*--format gptq/,
  });
  const { tasks } = await planned(t, 'gpt2', 'int4', { format: 'gptq' });
  const task = tasks.find(({ info }) => info.name.endsWith('mlp.c_fc.weight'));
  t.match(task, { isTransposed: true, spec: { rows: task?.info.shape[1], cols: task?.info.shape[0] } });
});

t.test('routers are left alone, and so are tensors of all experts', async (t) => {
  const { tasks, quantizationConfig } = await planned(t, 'qwen3_moe', 'int4');
  const router = tasks.find(({ info }) => info.name.endsWith('mlp.gate.weight'));
  t.match(router, { kind: 'copy', note: null });
  t.match((quantizationConfig as { ignore: string[] }).ignore.join(), /mlp\.gate/);
  const stacked = tasks.filter(({ info }) => info.shape.length === 3);
  t.ok(stacked.every(({ kind, note }) => kind === 'copy' && /all experts/.test(note ?? '')));
});

t.test(
  'experts have scales for each token where others have static ones, and the plan says so',
  async (t) => {
    const plan = await planned(t, 'mixtral', 'w8a8-static');
    const activations = (name: RegExp) =>
      new Set(
        plan.tasks.flatMap((task) =>
          task.kind === 'matrix' && name.test(task.info.name) ? [task.spec.activations] : [],
        ),
      );
    t.strictSame(activations(/experts/), new Set(['int8']));
    t.strictSame(activations(/self_attn/), new Set(['static']));
    t.strictSame(notesOf(plan), new Set(['an expert: activations have a scale for each token']));
  },
);
