import t from 'tap';
import { ropeRecord } from '#halflight/model/gguf-rope.js';
import { fieldsOf } from '../support/gguf.js';

const LLAMA3 = { theta: 500_000, dim: 128, factor: 32, length: 8192 };

/** Divisors of Llama 3's frequencies, by its paper's code: wavelengths against two limits. */
function divisors({ theta, dim, factor, length }: typeof LLAMA3): Float32Array {
  return Float32Array.from({ length: dim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * i) / dim);
    if (wavelength < length / 4) return 1;
    if (wavelength > length) return factor;
    const smooth = (length / wavelength - 1) / 3;
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

const metadata = fieldsOf({ 'llama.rope.freq_base': 500_000 });

t.test('the divisors of a Llama 3 give back its factor and its length', (t) => {
  for (const { factor, length } of [LLAMA3, { factor: 8, length: 8192 }, { factor: 4, length: 1000 }]) {
    t.match(ropeRecord(metadata, 'llama', 128, divisors({ ...LLAMA3, factor, length })), {
      rope_theta: 500_000,
      rope_scaling: {
        rope_type: 'llama3',
        factor,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: length,
      },
    });
  }
  t.end();
});

t.test('divisors of another kind are refused', (t) => {
  const message = {
    name: 'CheckpointError',
    message: /m\.gguf: rope_freqs\.weight: not the divisors of Llama 3/,
  };
  const others = [
    divisors(LLAMA3).slice(0, 32),
    divisors(LLAMA3).with(3, 1.01),
    new Float32Array(64).fill(2),
    Float32Array.from({ length: 64 }, (_, i) => 1 + i),
    new Float32Array(64).fill(Number.NaN),
  ];
  for (const factors of others) t.throws(() => ropeRecord(metadata, 'llama', 128, factors), message);
  t.end();
});

t.test('without divisors, or with ones, the rotation is plain', (t) => {
  t.same(ropeRecord(fieldsOf({}), 'llama', 64, null), { rope_theta: 10_000, rope_scaling: null });
  t.match(ropeRecord(metadata, 'llama', 4, Float32Array.of(1, 1)), { rope_scaling: null });
  t.end();
});

t.test('other scaling and partial rotation keep the names of config.json', (t) => {
  const scaled = fieldsOf({
    'llama.rope.scaling.type': 'yarn',
    'llama.rope.scaling.factor': 4,
    'llama.rope.scaling.original_context_length': 64,
    'llama.rope.dimension_count': 16,
  });
  t.same(ropeRecord(scaled, 'llama', 64, null), {
    rope_theta: 10_000,
    partial_rotary_factor: 0.25,
    rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 },
  });
  t.end();
});
