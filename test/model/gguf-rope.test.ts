import t from 'tap';
import { loadArchitectures } from '#halflight/model/architectures.js';
import { ggufNames } from '#halflight/model/gguf-keys.js';
import { ropeKeys } from '#halflight/model/gguf-rope.js';
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

const [llama] = (await loadArchitectures()).filter(({ name }) => name === 'llama');
const NAMES = ggufNames('llama', llama);
const SHARE = 'llama.rope.dimension_count';
const SCALING = 'llama.rope.scaling';
const THETA = { 'llama.rope.freq_base': 500_000 };

function keysOf(metadata: object, headDim: number, all: Float32Array | null = null) {
  return ropeKeys(fieldsOf({ ...metadata }), NAMES, headDim, { all, short: null, long: null });
}

t.test('the divisors of a Llama 3 give back its factor and its length', (t) => {
  for (const { factor, length } of [LLAMA3, { factor: 8, length: 8192 }, { factor: 4, length: 1000 }]) {
    t.match(keysOf(THETA, 128, divisors({ ...LLAMA3, factor, length })), {
      [SCALING]: {
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
  for (const factors of others) t.throws(() => keysOf(THETA, 128, factors), message);
  t.end();
});

t.test('without divisors, or with ones, the rotation is plain', (t) => {
  t.same(keysOf({}, 64), { [SHARE]: 1, [SCALING]: null });
  t.match(keysOf(THETA, 4, Float32Array.of(1, 1)), { [SCALING]: null });
  t.end();
});

t.test('YaRN keeps its factors under the names of config.json', (t) => {
  const scaled = {
    [`${SCALING}.type`]: 'yarn',
    [`${SCALING}.factor`]: 4,
    [`${SCALING}.original_context_length`]: 64,
    [`${SCALING}.yarn_beta_fast`]: 16,
    [`${SCALING}.yarn_truncate`]: false,
    [`${SCALING}.yarn_attn_factor`]: Math.fround(1.2),
    [SHARE]: 16,
  };
  t.same(keysOf(scaled, 64), {
    [SHARE]: 0.25,
    [SCALING]: {
      rope_type: 'yarn',
      factor: 4,
      original_max_position_embeddings: 64,
      beta_fast: 16,
      truncate: false,
      attention_factor: 1.2,
    },
  });
  t.end();
});

t.test('two tensors of divisors are LongRoPE, named or not', (t) => {
  const [short, long] = [Float32Array.of(1, 1.5), Float32Array.of(2, 4)];
  const metadata = {
    [`${SCALING}.original_context_length`]: 32,
    [`${SCALING}.attn_factor`]: Math.fround(1.1),
  };
  t.match(ropeKeys(fieldsOf(metadata), NAMES, 4, { all: null, short, long }), {
    [SCALING]: {
      rope_type: 'longrope',
      short_factor: [1, 1.5],
      long_factor: [2, 4],
      original_max_position_embeddings: 32,
      attention_factor: 1.1,
    },
  });
  t.end();
});

t.test('a share of a head gives its dimensions back when it is rounded down', (t) => {
  for (let of = 4; of <= 256; of += 4) {
    for (let dim = 2; dim <= of; dim += 2) {
      const { [SHARE]: share } = keysOf({ [SHARE]: dim }, of) as Record<string, number>;
      if (Math.floor(share * of) !== dim) t.fail(`${dim} of ${of}`);
    }
  }
  t.end();
});
