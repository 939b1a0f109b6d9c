import t from 'tap';
import { parseMethod } from '#halflight/calibrate/job/methods.js';
import { refuses } from '../../support/commands.js';

t.test('methods by name', async (t) => {
  t.match(parseMethod('rtn'), { method: { needs: 'nothing' }, actOrder: false });
  await refuses(t, () => parseMethod('magic'), /^--method: "magic" is none of rtn, rtn-search/);
});
