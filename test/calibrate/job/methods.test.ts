import t from 'tap';
import { needsText, parseMethod, withTensorScale } from '#halflight/calibrate/job/methods.js';
import { refuses } from '../../support/commands.js';

t.test('methods by name', async (t) => {
  t.match(parseMethod('rtn'), { method: { needs: 'nothing' }, actOrder: false });
  t.strictSame(
    ['rtn', 'hqq', 'imatrix', 'smoothquant'].map((name) => needsText(parseMethod(name))),
    [false, false, true, true],
  );
  await refuses(t, () => parseMethod('magic'), /^--method: "magic" is none of rtn, rtn-search/);
});

t.test('one scale for a matrix is for methods that round alone', (t) => {
  t.equal(withTensorScale(parseMethod('rtn-search')).name, 'rtn-search');
  t.throws(() => withTensorScale(parseMethod('gptq')), { name: 'UserError', message: /^--method: gptq/ });
  t.end();
});
