import t from 'tap';
import { type Comparison, columnsOf, notesOf, schemeName } from '#halflight/commands/comparison.js';
import { COMPARISON, WITHOUT_TEXT } from '../support/comparison.js';

const written = (comparison: Comparison) =>
  comparison.rows.map((row) => [schemeName(row), ...columnsOf(comparison).map(({ write }) => write(row))]);

t.test('each scheme has its bytes, quality and speed; the model itself is at no distance', (t) => {
  t.strictSame(written(COMPARISON), [
    ['full (bf16)', '8.00 MB', '2.0000 ± 0.0500', '', '', '', '1000.0', '100.0'],
    [
      'int4',
      '2.00 MB',
      '2.1000 ± 0.0500',
      '1.05000 ± 0.01000',
      '0.001230 ± 0.000100',
      '97.00%',
      '1000.0',
      '200.0',
    ],
  ]);
  t.end();
});

t.test('without a text there are bytes and speed', (t) => {
  t.strictSame(written(WITHOUT_TEXT), [
    ['full (bf16)', '8.00 MB', '1000.0', '100.0'],
    ['int4', '2.00 MB', '1000.0', '200.0'],
  ]);
  t.end();
});

t.test('notes tell protocol, lengths, adapter and day', (t) => {
  t.match(notesOf(COMPARISON), [
    /^text.txt: protocol windows, windows of 512, 100 tokens scored;/,
    /16 tokens in and 8 out, medians of 3; an adapter, 2026-11-25$/,
  ]);
  t.equal(notesOf(WITHOUT_TEXT).length, 1);
  t.end();
});
