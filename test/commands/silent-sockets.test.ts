import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { SilentSockets } from '#halflight/commands/silent-sockets.js';

t.test(
  'a connection that never brought a request is closed after a second, one with a running answer is not',
  async (t) => {
    const server = createServer((_, reply) => {
      reply.write('first');
      setTimeout(() => reply.end('last'), 1500);
    });
    const silent = new SilentSockets(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const idle = connect(port, '127.0.0.1');
    await once(idle, 'connect');
    const answer = fetch(`http://127.0.0.1:${port}`).then((reply) => reply.text());
    silent.close();
    await sleep(100);
    t.notOk(idle.closed, 'its request may be on its way');
    await sleep(1100);
    silent.close();
    await once(idle, 'close');
    t.equal(await answer, 'firstlast');
    server.closeAllConnections();
    server.close();
  },
);
