import t from 'tap';
import { packageVersion } from '#halflight/commands/version.js';

t.test('the version is the package’s', (t) => {
  t.match(packageVersion(), /^\d+\.\d+\.\d+/);
  t.end();
});
