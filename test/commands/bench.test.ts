import t from 'tap';
import { runBench } from '#halflight/commands/bench.js';

t.test('bench names what it can measure', async (t) => {
  await t.rejects(runBench([]), { name: 'UserError', message: /throughput/ });
  await t.rejects(runBench(['quality']), {
    name: 'UserError',
    message: /throughput, interference, prefix, offline, kernels or load, not "quality"/,
  });
});

t.test('options before the second word of a command are told', async (t) => {
  await t.rejects(runBench(['--json', 'serve']), {
    name: 'UserError',
    message: /^bench serve: options go after both words$/,
  });
});

t.test('bench refuses numbers of requests that mean nothing', async (t) => {
  await t.rejects(runBench(['throughput', '--concurrency', '0,8']), { message: /^--concurrency: "0"/ });
});
