import t from 'tap';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatTable,
} from '#halflight/commands/format.js';

t.test('bytes are shown with three digits and a decimal unit', (t) => {
  const shown = {
    0: '0 B',
    999: '999 B',
    1000: '1.00 kB',
    2048: '2.05 kB',
    7344640: '7.34 MB',
    67108864: '67.1 MB',
    999999: '1.00 MB',
    16060522240: '16.1 GB',
    9996: '10.0 kB',
    [2 ** 60]: '1152921.5 TB',
  };
  for (const [bytes, text] of Object.entries(shown)) t.equal(formatBytes(Number(bytes)), text);
  t.end();
});

t.test('counts are shown in groups of three', (t) => {
  t.equal(formatCount(3_672_320), '3,672,320');
  t.end();
});

t.test('a share is shown in percent, and nothing where there is none', (t) => {
  t.equal(formatPercent(0.1234), '12.3%');
  t.equal(formatPercent(null), '');
  t.end();
});

t.test('a time is shown in minutes and seconds, with hours where there are any', (t) => {
  const shown = { 0: '0:00', 0.2: '0:01', 65: '1:05', 3599.5: '1:00:00', 7265: '2:01:05' };
  for (const [seconds, text] of Object.entries(shown)) t.equal(formatDuration(Number(seconds)), text);
  t.end();
});

t.test('a table has columns of equal width', (t) => {
  t.strictSame(
    formatTable([
      ['name', 'n'],
      ['a', '100'],
    ]),
    ['name    n', 'a     100'],
  );
  t.end();
});
