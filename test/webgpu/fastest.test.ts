import t from 'tap';
import { fastest, TimeBudget, type Trial } from '#halflight/webgpu/fastest.js';
import type { LinearChoice } from '#halflight/webgpu/tiling.js';

const choice = (lanes: number): LinearChoice => ({ kernel: 'linear_tile', lanes, tokens: 1 });
const PRESET = choice(1);
const OTHERS = [choice(2), choice(3)];
const JOB = { candidates: [PRESET, ...OTHERS], keepsBytes: false };

/** A device on which a choice of so many lanes takes `ms[lanes]`, and a measurement 10 ms. @returns the lanes it ran too */
function device(ms: Readonly<Record<number, number>>, outputs: Readonly<Record<number, number>> = {}) {
  const ran: number[] = [];
  const attempt = async ({ lanes }: LinearChoice): Promise<Trial> => {
    ran.push(lanes);
    return { ms: ms[lanes], costMs: 10, output: Float32Array.of(outputs[lanes] ?? 0) };
  };
  return { ran, attempt };
}

t.test('the fastest is chosen, once the default was slower three times more', async (t) => {
  const { ran, attempt } = device({ 1: 9, 2: 3, 3: 2 });
  t.same(await fastest(JOB, attempt, new TimeBudget(1000)), OTHERS[1]);
  t.same(ran, [1, 2, 3, 1, 1, 1]);
});

t.test('the default stays where nothing is clearly faster', async (t) => {
  t.equal(await fastest(JOB, device({ 1: 1, 2: 0.96, 3: 2 }).attempt, new TimeBudget(1000)), null);
});

t.test('the default stays where it was fast once', async (t) => {
  const times = [9, 3, 3, 9, 9, 3];
  const attempt = async () => ({ ms: times.shift() ?? 0, costMs: 1, output: new Float32Array(1) });
  t.equal(await fastest(JOB, attempt, new TimeBudget(1000)), null);
});

t.test('where bytes must not change, what changes them is not chosen', async (t) => {
  const { attempt } = device({ 1: 9, 2: 3, 3: 2 }, { 3: 1e-30 });
  t.same(await fastest({ ...JOB, keepsBytes: true }, attempt, new TimeBudget(1000)), OTHERS[0]);
});

t.test('when time is up the default stays, and nothing more is measured', async (t) => {
  const { ran, attempt } = device({ 1: 9, 2: 3, 3: 2 });
  const budget = new TimeBudget(25);
  t.equal(await fastest(JOB, attempt, budget), null);
  t.same(ran, [1, 2], 'there is no time for a third');
  t.ok(budget.wasUp);
  budget.spend(10);
  t.equal(await fastest(JOB, attempt, budget), null);
  t.same(ran, [1, 2]);
});

t.test('a budget that was enough was not up', async (t) => {
  const budget = new TimeBudget(60);
  await fastest(JOB, device({ 1: 9, 2: 3, 3: 2 }).attempt, budget);
  t.notOk(budget.wasUp);
});
