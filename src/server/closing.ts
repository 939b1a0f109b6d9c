import type { FastifyReply } from 'fastify';

/** Calls `work` once, when the connection is done with its request, however that ends; at once where its client has gone already. */
export function whenClosed({ raw }: Pick<FastifyReply, 'raw'>, work: () => void): void {
  if (raw.closed) work();
  else raw.once('close', work);
}
