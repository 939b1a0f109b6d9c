import { join } from 'node:path';
import t, { type Test } from 'tap';
import { InputGatherer } from '#halflight/calibrate/gather.js';
import { parseMethod } from '#halflight/calibrate/job/methods.js';
import { fileSha256 } from '#halflight/calibrate/job/outputs.js';
import { preflight } from '#halflight/calibrate/job/preflight.js';
import { type JobProgress, runJob } from '#halflight/calibrate/job/run.js';
import type { MatrixInput, MatrixMethod } from '#halflight/calibrate/method.js';
import { type Checkpoint, openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { temporaryFolder } from '../../support/models.js';
import { changedCheckpoint, type TinyModel, tinyDir } from '../../support/tiny.js';
import { planTiny } from './support.js';

const { method: rtn } = parseMethod('rtn');

/** Rounds, but fails when it is asked for the nth time. */
function failingAt(n: number, method: MatrixMethod = rtn): MatrixMethod & { readonly asked: string[] } {
  const asked: string[] = [];
  const quantize = (input: MatrixInput) => {
    asked.push(input.name);
    if (asked.length === n) throw new Error('killed');
    return method.quantize(input);
  };
  return { ...method, asked, quantize };
}

t.test('a job that was ended goes on at the tensor it was on, to the same bytes', async (t) => {
  const planned = await planTiny(t, 'llama', 'int4', { maxShardBytes: 100_000 });
  const job = { ...planned, inputs: null, onProgress: () => undefined };
  const [ended, whole] = [await temporaryFolder(t), await temporaryFolder(t)];
  const first = failingAt(8);
  await t.rejects(runJob({ ...job, method: first }, ended, 'job'), /killed/);
  const second = failingAt(0);
  const entries = await runJob({ ...job, method: second }, ended, 'job');
  t.equal(second.asked[0], first.asked[7]);
  t.strictSame(
    entries.map(({ tensor }) => tensor),
    planned.plan.tasks.map(({ info }) => info.name),
  );
  await runJob({ ...job, method: rtn }, whole, 'job');
  t.ok(planned.plan.shards.files.length > 1);
  for (const { name } of planned.plan.shards.files) {
    t.equal(await fileSha256(join(ended, name)), await fileSha256(join(whole, name)), name);
  }
});

/** On the CPU reference. */
async function gathererFor(t: Test, checkpoint: Checkpoint, model: TinyModel = 'llama') {
  const config = await parseModelConfig(tinyDir(model));
  const samples = [Array.from({ length: 12 }, (_, i) => (7 * i * i + 3 * i + 5) % 97)];
  const openOps = async () => new CpuOps();
  const gatherer = new InputGatherer({ openOps, checkpoint, config, samples, withHessian: true });
  t.teardown(() => gatherer.close());
  return gatherer;
}

t.test('so does one that is calibrated: later matrices see what earlier ones became', async (t) => {
  for (const name of ['gptq', 'gptq-act-order']) {
    const { method, actOrder } = parseMethod(name);
    const planned = await planTiny(t, 'llama', 'int4', { actOrder });
    const job = { ...planned, method, onProgress: () => undefined };
    const inputs = () => gathererFor(t, planned.checkpoint);
    const [ended, whole] = [await temporaryFolder(t), await temporaryFolder(t)];
    const killed = failingAt(10, method);
    await t.rejects(runJob({ ...job, method: killed, inputs: await inputs() }, ended, 'job'), /killed/);
    await runJob({ ...job, inputs: await inputs() }, ended, 'job');
    await runJob({ ...job, inputs: await inputs() }, whole, 'job');
    const hashes = [ended, whole].map((dir) => fileSha256(join(dir, 'model.safetensors')));
    t.equal(await hashes[0], await hashes[1], name);
  }
});

t.test('the report tells of experts what was told before, whatever the method', async (t) => {
  const planned = await planTiny(t, 'mixtral', 'int4');
  for (const name of ['imatrix', 'gptq', 'awq', 'smoothquant', 'rtn']) {
    const { method } = parseMethod(name);
    const inputs = method.needs === 'nothing' ? null : await gathererFor(t, planned.checkpoint, 'mixtral');
    const job = { ...planned, method, inputs, onProgress: () => undefined };
    const entries = await runJob(job, await temporaryFolder(t), name);
    const told = preflight(planned.plan, method).exceptions;
    // GPTQ tells of some attention matrices besides, whose inputs are few.
    const ofExperts = entries.filter(({ tensor }) => tensor.includes('.experts.'));
    const reported = ofExperts.flatMap(({ tensor, notes }) =>
      notes.length === 0 ? [] : [{ tensor, note: notes.join('; ') }],
    );
    t.strictSame(reported, told, name);
    t.equal(reported.length, name === 'rtn' ? 0 : ofExperts.length);
  }
});

t.test('progress goes by layers to the end', async (t) => {
  const planned = await planTiny(t, 'llama', 'int8');
  const seen: JobProgress[] = [];
  const onProgress = (progress: JobProgress) => void seen.push(progress);
  const job = { ...planned, method: rtn, inputs: null, onProgress };
  await runJob(job, await temporaryFolder(t), 'job');
  t.equal(seen.at(-1)?.bytes, seen[0].totalBytes);
  t.strictSame([...new Set(seen.map(({ layer }) => layer))], [null, 0, 1, 2]);
});

t.test('a weight that is no number is refused with its place', async (t) => {
  const dir = await temporaryFolder(t);
  const broken = await changedCheckpoint(dir, 'llama', (tensor) => {
    if (tensor.name !== 'model.layers.1.mlp.up_proj.weight') return tensor;
    const data = new Uint8Array(tensor.data.buffer.slice(0) as ArrayBuffer).fill(0xff, 8, 12);
    return { ...tensor, data };
  });
  t.teardown(() => broken.close());
  const planned = { ...(await planTiny(t, 'llama', 'int4')), checkpoint: broken };
  const job = { ...planned, method: rtn, inputs: null, onProgress: () => undefined };
  const message = /^model.layers.1.mlp.up_proj.weight: row 0, column \d is NaN/;
  await t.rejects(runJob(job, await temporaryFolder(t), 'job'), { name: 'UserError', message });
});

t.test('kept tensors take the type that is asked for', async (t) => {
  const planned = await planTiny(t, 'llama', 'int4', { keep: ['model.norm=bf16', 'model.embed_tokens=f16'] });
  const job = { ...planned, method: rtn, inputs: null, onProgress: () => undefined };
  const dir = await temporaryFolder(t);
  await runJob(job, dir, 'job');
  const written = await openCheckpoint(dir);
  t.equal(written.tensors.get('model.norm.weight')?.dtype, 'BF16');
  const [got, source] = [
    await written.readF32('model.embed_tokens.weight'),
    await planned.checkpoint.readF32('model.embed_tokens.weight'),
  ];
  // Half a step of f16 below 1.
  t.ok(got.every((value, i) => Math.abs(value - source[i]) <= 2 ** -12 * Math.max(1, Math.abs(source[i]))));
  await written.close();
});
