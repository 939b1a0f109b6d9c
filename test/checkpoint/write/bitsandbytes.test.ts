import t from 'tap';
import { bitsandbytes } from '#halflight/checkpoint/write/bitsandbytes.js';
import { STORED_FORMATS } from '#halflight/quant/formats.js';
import { openWritten } from '../quantized/packers.js';
import { coded, integers, readsBack, specOf } from './support.js';

const NF4 = STORED_FORMATS['nf4-g64'];

t.test('codes and scales are read back as they were', async (t) => {
  await readsBack(t, bitsandbytes, [specOf('a.b', [3, 64], NF4), specOf('a.c', [8, 192], NF4)]);
});

t.test('the state tells shape and type', (t) => {
  const spec = specOf('a', [3, 64], NF4);
  const state = bitsandbytes.pack(spec, coded(spec), null).find(({ name }) => name.includes('quant_state'));
  t.strictSame(JSON.parse(new TextDecoder().decode(state?.data as Uint8Array)), {
    quant_type: 'nf4',
    blocksize: 64,
    dtype: 'bfloat16',
    shape: [3, 64],
  });
  t.match(bitsandbytes.config([spec], ['lm_head']), {
    load_in_4bit: true,
    bnb_4bit_quant_type: 'nf4',
    bnb_4bit_compute_dtype: 'bfloat16',
    llm_int8_skip_modules: ['lm_head'],
  });
  t.end();
});

t.test('FP4 is written as NF4 is', async (t) => {
  const spec = specOf('a.b', [8, 128], STORED_FORMATS['fp4-g64']);
  await readsBack(t, bitsandbytes, [spec]);
  t.match(bitsandbytes.config([spec], []), { bnb_4bit_quant_type: 'fp4', bnb_4bit_use_double_quant: false });
});

t.test('scales in codes are read back as they are said to be', async (t) => {
  const spec = { ...specOf('a', [33, 1024], NF4), doubleQuant: true } as const;
  const weight = coded(spec);
  const stored = bitsandbytes.stored?.(spec, weight) ?? weight;
  const config = bitsandbytes.config([spec], []);
  t.match(config, { bnb_4bit_use_double_quant: true });
  const read = await openWritten(t, config, bitsandbytes.pack(spec, weight, null));
  t.strictSame((await read.stored('a.weight'))?.scales, stored.scales);
  t.strictSame((await read.stored('a.weight'))?.codes, weight.codes);
  t.notSame(stored.scales, weight.scales);
});

t.test('what it cannot hold is refused', (t) => {
  t.match(bitsandbytes.problem(specOf('a', [8, 64], integers(4, 64))), /NF4 and FP4 in blocks of 64/);
  t.match(bitsandbytes.problem(specOf('a', [8, 96], NF4)), /96 inputs are no whole blocks/);
  t.equal(bitsandbytes.problem(specOf('a', [8, 128], NF4)), null);
  t.end();
});
