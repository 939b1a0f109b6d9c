import t from 'tap';
import { build, LLAMA3_ROPE, OLD_LLAMA, refuses } from './config-support.js';

t.test('both generations of rotary scaling give the same configuration', (t) => {
  const newer = { ...OLD_LLAMA, rope_theta: undefined, rope_scaling: undefined };
  const expected = build({ ...newer, rope_parameters: { ...LLAMA3_ROPE, rope_theta: 500000 } }).rope;
  t.match(expected, { type: 'llama3', theta: 500000, factor: 8, originalMaxPositions: 64 });
  t.strictSame(build({ ...OLD_LLAMA, rope_scaling: LLAMA3_ROPE }).rope, expected);
  const { rope_type: type, ...rest } = LLAMA3_ROPE;
  t.strictSame(build({ ...OLD_LLAMA, rope_scaling: { ...rest, type } }).rope, expected);
  t.strictSame(build({ ...OLD_LLAMA, rope_scaling: { type: 'default' } }).rope.type, 'default');
  t.end();
});

t.test('a rotation that is not computed is refused', (t) => {
  const scaled = (rope_scaling: object) => ({ ...OLD_LLAMA, rope_scaling });
  for (const type of ['linear', 'dynamic', 'yarn', 'longrope']) {
    refuses(
      t,
      scaled({ type, factor: 2 }),
      'rope_scaling.rope_type',
      'not computed here; known: default, llama3',
    );
  }
  refuses(t, scaled({ ...LLAMA3_ROPE, factor: undefined }), 'rope_scaling.factor', 'missing');
  refuses(t, scaled({ ...LLAMA3_ROPE, high_freq_factor: 1 }), 'rope_scaling.high_freq_factor', 'above');
  refuses(
    t,
    scaled({ ...LLAMA3_ROPE, attention_factor: 2 }),
    'rope_scaling.attention_factor',
    'not understood',
  );
  refuses(t, scaled({ ...LLAMA3_ROPE, type: 'yarn' }), 'rope_scaling.type', 'rope_type says llama3');
  refuses(t, { ...OLD_LLAMA, rope_parameters: { rope_theta: 1 } }, 'rope_theta', 'rope_parameters says 1');
  refuses(t, { ...OLD_LLAMA, rope_parameters: {}, rope_scaling: LLAMA3_ROPE }, 'rope_scaling', 'together');
  refuses(
    t,
    { ...OLD_LLAMA, rope_parameters: { full_attention: { rope_theta: 1 } } },
    'rope_parameters.full_attention',
  );
  refuses(t, { ...OLD_LLAMA, partial_rotary_factor: 0.5 }, 'partial_rotary_factor', 'not supported');
  t.end();
});
