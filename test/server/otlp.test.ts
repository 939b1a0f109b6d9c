import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { attribute, type Span, SpanExporter } from '#halflight/server/otlp.js';

const SPAN: Span = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  name: 'queue',
  kind: 1,
  startTimeUnixNano: '1',
  endTimeUnixNano: '2',
  attributes: [],
  status: { code: 0 },
};

interface Received {
  readonly path: string | undefined;
  readonly body: {
    readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: Span[] }[] }[];
  };
}

async function collector(t: Test, status = 200): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer(async (request, reply) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ path: request.url, body: JSON.parse(Buffer.concat(chunks).toString()) });
    reply.writeHead(status).end('{}');
  });
  t.teardown(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

function exporter(endpoint: string): { spans: SpanExporter; problems: string[] } {
  const problems: string[] = [];
  const onProblem = (problem: string) => problems.push(problem);
  return { spans: new SpanExporter({ endpoint, version: '1.2.3', onProblem }), problems };
}

t.test('spans go to the collector together, under the service’s name', async (t) => {
  const { url, received } = await collector(t);
  for (const endpoint of [url, `${url}/`, `${url}/v1/traces`]) {
    const { spans, problems } = exporter(endpoint);
    spans.add([SPAN]);
    spans.add([SPAN, SPAN]);
    await spans.close();
    t.strictSame(problems, []);
  }
  t.equal(received.length, 3);
  for (const { path, body } of received) {
    t.equal(path, '/v1/traces');
    const [resource] = body.resourceSpans;
    t.strictSame(resource?.scopeSpans[0]?.spans, [SPAN, SPAN, SPAN]);
    t.match(resource, {
      resource: {
        attributes: [
          { key: 'service.name', value: { stringValue: 'halflight' } },
          { key: 'service.version' },
        ],
      },
    });
  }
});

t.test('they are sent within about a second, and nothing is sent where there are none', async (t) => {
  const { url, received } = await collector(t);
  const { spans } = exporter(url);
  await spans.close();
  t.equal(received.length, 0);
  spans.add([SPAN]);
  const startMs = performance.now();
  while (received.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  // One second, and a machine that is busy.
  t.ok(performance.now() - startMs < 5000);
});

t.test('a collector that refuses, or is not there, costs spans and is told of', async (t) => {
  const { url } = await collector(t, 503);
  const refused = exporter(url);
  refused.spans.add([SPAN]);
  await refused.spans.close();
  t.match(refused.problems, [/^1 spans are lost: http.*\/v1\/traces answers 503$/]);
  const nowhere = exporter('http://127.0.0.1:1');
  nowhere.spans.add([SPAN]);
  await nowhere.spans.close();
  t.match(nowhere.problems, [/^1 spans are lost: .*/]);
});

t.test('a queue that is full drops what comes', async (t) => {
  const { url, received } = await collector(t);
  const { spans, problems } = exporter(url);
  spans.add(Array.from({ length: 4096 }, () => SPAN));
  spans.add([SPAN]);
  await spans.close();
  t.equal(received[0]?.body.resourceSpans[0]?.scopeSpans[0]?.spans.length, 4096);
  t.strictSame(problems, ['1 spans are lost: the queue was full']);
});

t.test('attributes have the types of OTLP', async (t) => {
  t.strictSame(attribute('a', 'x'), { key: 'a', value: { stringValue: 'x' } });
  t.strictSame(attribute('a', 5), { key: 'a', value: { intValue: '5' } });
  t.strictSame(attribute('a', 0.5), { key: 'a', value: { doubleValue: 0.5 } });
  t.strictSame(attribute('a', true), { key: 'a', value: { boolValue: true } });
  t.strictSame(attribute('a', ['x']).value, { arrayValue: { values: [{ stringValue: 'x' }] } });
});
