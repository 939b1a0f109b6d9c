import t from 'tap';
import { fused, inExpert, inLayer, inLayerName } from '#halflight/model/names.js';

const NAMES = { weight: 'l.{layer}.e.{expert}.w', bias: 'l.{layer}.e.{expert}.b', layout: 'rows' } as const;

t.test('names take the numbers of their layer and expert', (t) => {
  t.equal(inLayerName('layers.{layer}.norm', 3), 'layers.3.norm');
  t.strictSame(inExpert(inLayer(NAMES, 1), 2), { weight: 'l.1.e.2.w', bias: 'l.1.e.2.b', layout: 'rows' });
  const ofAll = { weight: 'experts', bias: null, layout: 'rows' } as const;
  t.equal(inExpert(ofAll, 2), ofAll);
  t.end();
});

t.test('neighbours of equal name are one matrix', (t) => {
  const [a, b] = ['a', 'b'].map((weight) => ({ weight, bias: null, layout: 'rows' }) as const);
  t.strictSame(
    fused([
      [a, 1],
      [a, 2],
      [b, 4],
    ]),
    [
      [a, 3],
      [b, 4],
    ],
  );
  t.end();
});
