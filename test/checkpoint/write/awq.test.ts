import t from 'tap';
import { awq } from '#halflight/checkpoint/write/awq.js';
import { integers, readsBack, specOf } from './support.js';

const asymmetric = (groupSize: number | null) => integers(4, groupSize, { zeroPoints: true });

t.test('codes, scales and zero points are read back as they were', async (t) => {
  await readsBack(t, awq, [specOf('a.b', [16, 64], asymmetric(32)), specOf('a.c', [8, 128], asymmetric(32))]);
  await readsBack(t, awq, [specOf('a', [16, 64], asymmetric(null))]);
});

t.test('the configuration is that of gemm', (t) => {
  t.strictSame(awq.config([specOf('a', [8, 64], asymmetric(64))], ['lm_head']), {
    quant_method: 'awq',
    bits: 4,
    group_size: 64,
    zero_point: true,
    version: 'gemm',
    modules_to_not_convert: ['lm_head'],
  });
  t.end();
});

t.test('what it cannot hold is refused', (t) => {
  t.match(awq.problem(specOf('a', [8, 64], integers(8, 32))), /4 bits/);
  t.match(awq.problem(specOf('a', [8, 64], integers(4, 32))), /zero points/);
  t.match(awq.problem(specOf('a', [12, 64], asymmetric(32))), /12 outputs are no multiple of 8/);
  t.match(awq.problem({ ...specOf('a', [8, 64], asymmetric(32)), actOrder: true }), /in order/);
  t.equal(awq.problem(specOf('a', [8, 64], asymmetric(32))), null);
  t.end();
});
