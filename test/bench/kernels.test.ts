import t from 'tap';
import { KERNEL_FORMATS, type KernelTiming, measureKernels, namedFormat } from '#halflight/bench/kernels.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { RATES, tinyShape } from '../support/bench.js';

t.test('every operation is timed in every format, and held against the adapter’s rates', async (t) => {
  const options = {
    config: await tinyShape(),
    formats: ['bf16', 'int4'],
    kvTypes: ['f32', 'int8'] as const,
    tokenCounts: [1],
    timing: { repeats: 1, targetMs: 0 },
    workingSetBytes: 0,
  };
  const timings: KernelTiming[] = [];
  for await (const timing of measureKernels(new CpuOps(), options, RATES)) timings.push(timing);
  const named = (format: string | null) =>
    timings.filter((timing) => timing.format === format).map(({ name }) => name);
  t.strictSame(named('bf16'), named('int4'));
  t.strictSame(named('int8'), ['rope_cache', 'attention decode at 512']);
  t.equal(named('int4').length, 6);
  t.equal(named(null).length, 6);
  for (const { name, microseconds, bytes, bytesPerSecond, copyShare, ...rates } of timings) {
    t.ok(microseconds > 0, name);
    t.equal(Math.round((bytesPerSecond * microseconds) / 1e6), Math.round(bytes));
    t.equal(copyShare, bytesPerSecond / 1e9);
    t.equal(rates.fmaShare, rates.multiplyAddsPerSecond && rates.multiplyAddsPerSecond / 1e9);
  }
});

t.test('every format of the list is known, another is refused', async (t) => {
  for (const name of KERNEL_FORMATS) {
    const reader = name.replace(/^w(\d)a8$/, 'int$1').split('-')[0];
    t.equal(namedFormat(name).reader, reader);
  }
  t.throws(() => namedFormat('int9'), { name: 'UserError' });
});
