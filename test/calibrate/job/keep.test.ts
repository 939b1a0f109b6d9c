import t from 'tap';
import { checkRules, parseKeep, ruleFor } from '#halflight/calibrate/job/keep.js';
import { refuses } from '../../support/commands.js';

const TENSORS = [
  'lm_head.weight',
  'model.layers.0.mlp.down_proj.weight',
  'model.layers.10.mlp.down_proj.weight',
];
const matching = (text: string) => TENSORS.filter((name) => ruleFor([parseKeep(text)], name) !== null);

t.test('a path is one module, and a star any part of paths', (t) => {
  t.strictSame(matching('lm_head=f16'), ['lm_head.weight']);
  t.strictSame(matching('*.down_proj'), TENSORS.slice(1));
  t.strictSame(matching('model.layers.1*'), TENSORS.slice(2));
  t.strictSame(matching('lm.head'), []);
  t.end();
});

t.test('the first rule that matches counts', (t) => {
  const rules = ['lm_head=f16', '*=bf16', '*'].map(parseKeep);
  t.equal(ruleFor(rules, TENSORS[0])?.dtype, 'F16');
  t.equal(ruleFor(rules, TENSORS[1])?.dtype, 'BF16');
  t.equal(parseKeep('lm_head').dtype, null);
  t.end();
});

t.test('what keeps nothing is refused, and so are types that are none', async (t) => {
  checkRules([parseKeep('lm_head')], TENSORS);
  await refuses(
    t,
    () => checkRules([parseKeep('lm_heat')], TENSORS),
    /^--keep: lm_heat: no module .* lm_head, /,
  );
  for (const text of ['lm_head=int4', '=f16', 'a=f16=f16'])
    await refuses(t, () => parseKeep(text), /^--keep: /);
});
