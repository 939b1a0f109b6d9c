import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ServerWatch } from '#halflight/bench/serve/watch.js';
import { refuses } from '../../support/commands.js';

t.test('metrics are read at the start, now and again, and at the end', async (t) => {
  let count = 0;
  const server = createServer((_, response) => {
    count += 1;
    response.writeHead(count === 2 ? 500 : 200).end(`vllm:num_requests_running ${count}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const watch = await ServerWatch.start(`http://127.0.0.1:${port}`, null);
  await sleep(900);
  const { before, after, samples } = await watch.stop();
  t.equal(before.get('vllm:num_requests_running'), 1);
  t.equal(after.get('vllm:num_requests_running'), count);
  t.ok(samples.length >= 1, `${samples.length} samples`);
  t.ok(
    samples.every(({ running }) => running !== 2),
    'one that failed is left out',
  );
});

t.test('a server without metrics cannot be watched', async (t) => {
  const server = createServer((_, response) => response.writeHead(501).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  await refuses(
    t,
    () => ServerWatch.start(`http://127.0.0.1:${port}`, null),
    /^--server-metrics: http:.*\/metrics cannot be read \(HTTP 501\); leave it out$/,
  );
});
