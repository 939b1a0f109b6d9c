import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** A request of a connection just opened may be on its way. */
const GRACE_MS = 1000;

/** Connections that have never brought a request. Node counts them among the busy ones, so one of them would hold a closing server open. */
export class SilentSockets {
  /** When each was opened, by `performance.now()`. */
  readonly #openedMs = new Map<Socket, number>();

  /** @param server not listening yet */
  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#openedMs.set(socket, performance.now());
      socket.once('close', () => this.#openedMs.delete(socket));
    });
    server.on('request', ({ socket }) => this.#openedMs.delete(socket));
  }

  close(): void {
    const before = performance.now() - GRACE_MS;
    for (const [socket, openedMs] of this.#openedMs) if (openedMs < before) socket.destroy();
  }
}
