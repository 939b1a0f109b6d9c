import t from 'tap';
import { blocksOf } from '#halflight/calibrate/gptq-rows.js';

const segments = (...sizes: readonly number[]) =>
  sizes.map((size, group) => {
    const start = sizes.slice(0, group).reduce((a, b) => a + b, 0);
    return { group, start, end: start + size };
  });

const bounds = (...sizes: readonly number[]) =>
  blocksOf(segments(...sizes)).map(({ start, end, pieces }) => [start, end, pieces.length]);

t.test('a block is as many whole groups as 128 columns hold', (t) => {
  t.strictSame(bounds(32, 32, 32, 32, 32, 8), [
    [0, 128, 4],
    [128, 168, 2],
  ]);
  t.strictSame(bounds(96, 96), [
    [0, 96, 1],
    [96, 192, 1],
  ]);
  t.end();
});

t.test('of a larger group it is a piece, and only the first chooses the scale of all', (t) => {
  t.strictSame(bounds(300), [
    [0, 128, 1],
    [128, 256, 1],
    [256, 300, 1],
  ]);
  t.strictSame(
    blocksOf(segments(300)).map(({ pieces: [{ fits, groupEnd }] }) => [fits, groupEnd]),
    [
      [true, 300],
      [false, 300],
      [false, 300],
    ],
  );
  t.end();
});

t.test('a group begins with a block or lies within one, so that its numbers are up to date', (t) => {
  for (const sizes of [
    [256, 256, 40],
    [64, 64, 64],
    [192, 32, 192],
    [32, 256, 32],
  ]) {
    for (const { end, pieces } of blocksOf(segments(...sizes))) {
      for (const { fits, start, groupEnd } of pieces)
        t.ok(!fits || groupEnd <= end || start === pieces[0].start);
    }
  }
  t.end();
});
