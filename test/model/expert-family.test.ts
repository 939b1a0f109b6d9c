import t from 'tap';
import { Fields } from '#halflight/checkpoint/fields.js';
import { readExpertFamily } from '#halflight/model/expert-family.js';

const FORM = { router: 'l.{layer}.r', gate: 'l.{layer}.g', up: 'l.{layer}.u', down: 'l.{layer}.d' };

function read(family: object) {
  return readExpertFamily(Fields.from(family, 'f.json'));
}

t.test('a family with experts says how its checkpoints hold them', (t) => {
  t.strictSame(read({ normalized: true, forms: [FORM] }), {
    normalized: true,
    interleaved: false,
    routerBias: false,
    forms: [{ ...FORM, layout: 'rows', bias: false }],
  });
  const other = { ...FORM, layout: 'transposed', bias: true };
  const family = { normalized: 'norm_topk_prob', interleaved: true, routerBias: true, forms: [other] };
  t.strictSame(read(family), family);
  t.end();
});

t.test('what is wrong in it is named', (t) => {
  const refused = [
    [{ normalized: true, forms: [] }, 'forms: must hold one form'],
    [{ normalized: 1, forms: [FORM] }, 'normalized: must be true or false'],
    [{ normalized: true, forms: [{ ...FORM, up: 'u' }] }, 'forms.up: must contain {layer}'],
    [{ normalized: true, forms: [{ ...FORM, layout: 'headwise' }] }, 'forms.layout: must be rows or'],
  ] as const;
  for (const [family, problem] of refused) {
    t.throws(() => read(family), { name: 'CheckpointError', message: new RegExp(problem) });
  }
  t.end();
});
