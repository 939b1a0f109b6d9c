import t from 'tap';
import { runBench } from '#halflight/commands/bench.js';
import { adapterLines } from '#halflight/commands/bench-kernels.js';
import { RATES } from '../support/bench.js';
import { printed, refuses } from '../support/commands.js';

// The first compilation of the kernels takes a software adapter its time.
t.setTimeout(200_000);

t.test('kernels of a shape are measured in the formats that are asked for', async (t) => {
  const args = ['kernels', '--shape', 'SmolLM2-135M', '--tokens', '1', '--formats', 'int4', '--repeats', '1'];
  const report = JSON.parse(await printed(t, () => runBench([...args, '--json'])));
  t.equal(report.shape, 'SmolLM2-135M');
  t.ok(report.rates.copyBytesPerSecond > 0);
  const names: string[] = report.results.map(({ name }: { name: string }) => name);
  t.equal(names.filter((name) => name.startsWith('linear')).length, 5);
  t.ok(report.results.every(({ microseconds }: { microseconds: number }) => microseconds > 0));
});

t.test('what is not known is refused before anything is measured', async (t) => {
  await refuses(t, () => runBench(['kernels', '--shape', 'GPT-5']), /^--shape: "GPT-5" is none of SmolLM2/);
  await refuses(t, () => runBench(['kernels', '--formats', 'int9']), /^--formats: "int9" is none of f32/);
  await refuses(t, () => runBench(['kernels', 'model']), /takes no argument, but got model/);
});

t.test('a report begins with the adapter and what it reaches', async (t) => {
  const adapter = {
    name: 'A',
    vendor: '',
    backend: 'vulkan',
    driver: 'B 1.0',
    software: false,
    f16: true,
    subgroups: true,
  };
  t.strictSame(adapterLines({ adapter, rates: RATES }), [
    'A; B 1.0',
    'copy 1.00 GB/s (of 1.00 MB), 1.00 G multiply-adds/s in registers, 10.0 µs a dispatch',
  ]);
  const [, line] = adapterLines({ adapter, rates: { ...RATES, matrixFmasPerSecond: 2e9 } });
  t.match(line, /in registers, 2\.00 of subgroup matrices, 10\.0 µs a dispatch$/);
});

t.test('kernels are measured on the device that is asked for, or not at all', async (t) => {
  await refuses(t, () => runBench(['kernels', '--device', 'Voodoo 2']), /^--device: Voodoo 2 is none of: 0 /);
  await refuses(t, () => runBench(['kernels', '--device', 'cpu']), /--device cpu has no kernels/);
});
