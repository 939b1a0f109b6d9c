import t, { type Test } from 'tap';
import { ropeTable } from '#halflight/model/rope.js';

const PLAIN = { type: 'default', theta: 10_000, rotaryDim: 4 } as const;

/** Tables hold f32, and angles are rounded to f32 before their cosine is taken: 2⁻²⁴ relative of angles up to 100. */
const TOLERANCE = 1e-5;

function close(t: Test, table: Float32Array, expected: readonly number[]): void {
  t.equal(table.length, expected.length);
  const worst = Math.max(...expected.map((value, i) => Math.abs(table[i] - value)));
  t.ok(worst < TOLERANCE, `differs by ${worst}`);
}

t.test('a row holds the cosines of all frequencies at its position, then the sines', (t) => {
  const expected = [0, 1, 2].flatMap((p) => [Math.cos(p), Math.cos(p / 100), Math.sin(p), Math.sin(p / 100)]);
  close(t, ropeTable(PLAIN, 3), expected);
  t.end();
});

t.test('without rotation every position keeps its numbers', (t) => {
  t.strictSame([...ropeTable({ ...PLAIN, type: 'none' }, 2)], [1, 1, 0, 0, 1, 1, 0, 0]);
  t.end();
});

t.test('llama3 keeps high frequencies, divides low ones, and blends between the two', (t) => {
  const rope = {
    type: 'llama3',
    theta: 10_000,
    rotaryDim: 8,
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositions: 100,
  } as const;
  // Frequencies 1, 0.1, 0.01, 0.001 turn 15.9, 1.59, 0.159 and 0.0159 times in 100 positions: kept, blended, divided, divided.
  const s = (10 / (2 * Math.PI) - 1) / 3;
  const frequencies = [1, ((1 - s) * 0.1) / 8 + s * 0.1, 0.01 / 8, 0.001 / 8];
  const position = 50;
  const expected = [
    ...frequencies.map((f) => Math.cos(position * f)),
    ...frequencies.map((f) => Math.sin(position * f)),
  ];
  close(t, ropeTable(rope, position + 1).slice(position * 8), expected);
  t.end();
});

t.test('linear divides every frequency', (t) => {
  const expected = [Math.cos(0.5), Math.cos(1 / 200), Math.sin(0.5), Math.sin(1 / 200)];
  close(t, ropeTable({ ...PLAIN, type: 'linear', factor: 2 }, 2).slice(4), expected);
  t.end();
});

t.test(
  'yarn keeps high frequencies, divides low ones, and multiplies by the factor of the attention',
  (t) => {
    const yarn = {
      type: 'yarn',
      theta: 10_000,
      rotaryDim: 8,
      factor: 4,
      betaFast: 32,
      betaSlow: 1,
      truncate: true,
      originalMaxPositions: 1000,
      attentionFactor: 1.5,
    } as const;
    // 8 · ln(1000 / 2π n) / (2 ln 10000) is 0.7 for n = 32 and 2.2 for n = 1: the ramp runs from index 0 to 3.
    const frequencies = [1, 0.1 * (2 / 3 + 1 / 12), 0.01 * (1 / 3 + 2 / 12), 0.001 / 4];
    const expected = [...frequencies.map(Math.cos), ...frequencies.map(Math.sin)].map((v) => 1.5 * v);
    close(t, ropeTable(yarn, 2).slice(8), expected);
    // From 0.697 to 2.202 where the bounds are not rounded: indices 1 and 2 lie 0.201 and 0.866 of the way.
    const blend = (f: number, divided: number) => f * (1 - divided) + (f / 4) * divided;
    const exact = [1, blend(0.1, 0.2014), blend(0.01, 0.866), 0.001 / 4];
    const table = ropeTable({ ...yarn, truncate: false }, 2).slice(8, 12);
    t.ok(exact.every((f, i) => Math.abs(table[i] - 1.5 * Math.cos(f)) < TOLERANCE));
    t.end();
  },
);

t.test(
  'longrope divides by the short factors up to the original positions, and by the long ones beyond',
  (t) => {
    const rope = {
      ...PLAIN,
      type: 'longrope',
      short: [1, 2],
      long: [4, 8],
      originalMaxPositions: 2,
      attentionFactor: 2,
    } as const;
    const expected = (a: number, b: number) =>
      [Math.cos(a), Math.cos(b), Math.sin(a), Math.sin(b)].map((v) => 2 * v);
    close(t, ropeTable(rope, 2).slice(4), expected(1, 0.01 / 2));
    close(t, ropeTable(rope, 3).slice(4, 8), expected(1 / 4, 0.01 / 8));
    t.end();
  },
);

t.test(
  'an odd share of a head has its frequencies spread over that share, and rotates one dimension more',
  (t) => {
    const table = ropeTable({ ...PLAIN, rotaryDim: 4, spread: 3 }, 2);
    const second = 10_000 ** (-2 / 3);
    for (const [i, value] of [Math.cos(1), Math.cos(second), Math.sin(1), Math.sin(second)].entries())
      t.ok(Math.abs(table[4 + i] - value) < 1e-7, String(i));
    t.end();
  },
);
