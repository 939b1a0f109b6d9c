import { delimiter, join } from 'node:path';
import t from 'tap';
import { script } from './modules.js';

interface Chromium {
  findChromium(env: Readonly<Record<string, string>>, exists: (path: string) => boolean): string | null;
}

const { findChromium } = await script<Chromium>('chromium.mjs');
const PATH = ['/usr/local/bin', '/usr/bin'].join(delimiter);

t.test('the browser is the one that CHROMIUM names', (t) => {
  t.equal(
    findChromium({ CHROMIUM: '/opt/chrome', PATH }, () => true),
    '/opt/chrome',
  );
  t.end();
});

t.test('the browser is else the first in PATH, Chromium before Chrome', (t) => {
  const there = [join('/usr/local/bin', 'google-chrome'), join('/usr/bin', 'chromium')];
  t.equal(
    findChromium({ PATH }, (path) => there.includes(path)),
    join('/usr/bin', 'chromium'),
  );
  t.equal(
    findChromium({ PATH }, (path) => path === there[0]),
    there[0],
  );
  t.end();
});

t.test('there may be none', (t) => {
  t.equal(
    findChromium({}, () => false),
    null,
  );
  t.end();
});
