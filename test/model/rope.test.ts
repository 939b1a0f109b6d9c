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
