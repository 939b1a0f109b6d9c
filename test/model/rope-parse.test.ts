import t from 'tap';
import { build, LLAMA3_ROPE, OLD_LLAMA, refuses } from './config-support.js';

t.test('both generations of rotary scaling give the same configuration', (t) => {
  const newer = { ...OLD_LLAMA, rope_theta: undefined, rope_scaling: undefined };
  const expected = build({ ...newer, rope_parameters: { ...LLAMA3_ROPE, rope_theta: 500000 } }).ropes[0];
  t.match(expected, { type: 'llama3', theta: 500000, factor: 8, originalMaxPositions: 64 });
  t.strictSame(build({ ...OLD_LLAMA, rope_scaling: LLAMA3_ROPE }).ropes[0], expected);
  const { rope_type: type, ...rest } = LLAMA3_ROPE;
  t.strictSame(build({ ...OLD_LLAMA, rope_scaling: { ...rest, type } }).ropes[0], expected);
  t.strictSame(build({ ...OLD_LLAMA, rope_scaling: { type: 'default' } }).ropes[0].type, 'default');
  t.end();
});

t.test('a rotation that is not computed is refused', (t) => {
  const scaled = (rope_scaling: object) => ({ ...OLD_LLAMA, rope_scaling });
  refuses(
    t,
    scaled({ type: 'spiral' }),
    'rope_scaling.rope_type',
    'not computed here; known: default, linear',
  );
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

const scaledBy = (rope_scaling: object, others: object = {}) =>
  build({ ...OLD_LLAMA, rope_theta: undefined, rope_scaling, ...others }).ropes[0];
const PLAIN = { theta: 10_000, rotaryDim: 16 };

t.test('linear divides all frequencies; dynamic scales nothing within the model’s positions', (t) => {
  t.strictSame(scaledBy({ type: 'linear', factor: 4 }), { type: 'linear', ...PLAIN, factor: 4 });
  t.strictSame(scaledBy({ type: 'dynamic', factor: 4 }), { type: 'default', ...PLAIN });
  refuses(t, { ...OLD_LLAMA, rope_scaling: { type: 'linear' } }, 'rope_scaling.factor', 'missing');
  t.end();
});

t.test('yarn takes its defaults, and the factor of the attention from the others', (t) => {
  const original = { original_max_position_embeddings: 128 };
  const yarn = scaledBy({ rope_type: 'yarn', factor: 4, ...original });
  t.match(yarn, { type: 'yarn', factor: 4, betaFast: 32, betaSlow: 1, truncate: true });
  t.match(yarn, { originalMaxPositions: 128, attentionFactor: 0.1 * Math.log(4) + 1 });
  t.match(scaledBy({ type: 'yarn', ...original }), { factor: 4 }, 'of 512 positions');
  t.match(scaledBy({ type: 'yarn', factor: 4, mscale: 2, mscale_all_dim: 2 }), { attentionFactor: 1 });
  t.match(scaledBy({ type: 'yarn', factor: 4, attention_factor: 1.5 }), { attentionFactor: 1.5 });
  t.end();
});

t.test('longrope takes a divisor for each frequency, also under its older name', (t) => {
  const [short_factor, long_factor] = [Array(8).fill(1), Array(8).fill(2)];
  const original = { original_max_position_embeddings: 128 };
  const expected = { type: 'longrope', short: short_factor, long: long_factor, originalMaxPositions: 128 };
  const attentionFactor = Math.sqrt(1 + Math.log(4) / Math.log(128));
  for (const type of ['longrope', 'su']) {
    const phi3 = { architectures: ['Phi3ForCausalLM'], ...original };
    const scaling = { type, short_factor, long_factor };
    t.match(scaledBy(scaling, phi3), { ...expected, attentionFactor });
  }
  const config = { ...OLD_LLAMA, rope_scaling: { type: 'longrope', short_factor, long_factor: [1] } };
  refuses(t, config, 'rope_scaling.long_factor', '1 entries for 8 frequencies');
  const zero = { type: 'longrope', short_factor: [0, ...short_factor.slice(1)], long_factor };
  refuses(t, { ...OLD_LLAMA, rope_scaling: zero }, 'rope_scaling.short_factor', 'above 0');
  t.end();
});

t.test('a family that rotates a part of each head rotates an even number of dimensions', (t) => {
  const neox = (rotary_pct: number) => ({
    ...OLD_LLAMA,
    architectures: ['GPTNeoXForCausalLM'],
    hidden_act: 'gelu',
    rms_norm_eps: undefined,
    rope_theta: undefined,
    rotary_pct,
  });
  t.match(build(neox(0.5)).ropes[0], { type: 'default', rotaryDim: 8 });
  t.match(build(neox(0.2)).ropes[0], { rotaryDim: 4, spread: 3 }, 'an odd share rotates one more');
  refuses(t, neox(0.05), 'rotary_pct', 'rotates 0 of 16');
  t.end();
});
