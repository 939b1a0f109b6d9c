import { once } from 'node:events';
import { createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { UserError } from '../errors.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Throws UserError where nothing can listen at the address now: a model may take minutes to load, only to find its port taken. */
export async function checkAddress(address: Address): Promise<void> {
  const server = createServer();
  try {
    server.listen({ ...address, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    throw addressError(error, address);
  }
  server.close();
  await once(server, 'close');
}

/** Resolves with the server's URL. Throws UserError where the address cannot be had. */
export async function listen(app: FastifyInstance, address: Address): Promise<string> {
  const { level } = app.log;
  // The framework's own line would stand before the banner, which says the same.
  app.log.level = 'silent';
  try {
    return await app.listen({ ...address });
  } catch (error) {
    throw addressError(error, address);
  } finally {
    app.log.level = level;
  }
}

function addressError(error: unknown, { host, port }: Address): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE') return new UserError(`--port: ${port} is in use; choose another, or 0 for any`);
  if (code === 'EACCES') return new UserError(`--port: ${port} needs more rights; choose one above 1023`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EINVAL') {
    return new UserError(`--host: ${host} is no address of this machine`);
  }
  return error;
}
