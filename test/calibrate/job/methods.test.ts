import t from 'tap';
import { needsText, parseMethod } from '#halflight/calibrate/job/methods.js';
import { refuses } from '../../support/commands.js';

t.test('methods by name', async (t) => {
  t.match(parseMethod('rtn'), { method: { needs: 'nothing' }, actOrder: false });
  t.strictSame(
    ['rtn', 'hqq', 'imatrix', 'smoothquant'].map((name) => needsText(parseMethod(name))),
    [false, false, true, true],
  );
  await refuses(t, () => parseMethod('magic'), /^--method: "magic" is none of rtn, rtn-search/);
});
