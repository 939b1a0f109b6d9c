import type { FastifyInstance } from 'fastify';
import { resolveModel, type ServerContext } from '../context.js';

/** `GET /v1/models`, `GET /v1/models/<name>`; a name may hold slashes. */
export function addModels(app: FastifyInstance, context: ServerContext): void {
  app.get('/v1/models', async () => ({
    object: 'list',
    data: context.servedModelNames.map((name) => describeModel(context, name)),
  }));
  app.get<{ Params: { '*': string } }>('/v1/models/*', async (request) =>
    describeModel(context, resolveModel(context, request.params['*'])),
  );
}

function describeModel(context: ServerContext, name: string): object {
  return {
    id: name,
    object: 'model',
    created: context.startedAt,
    owned_by: 'halflight',
    root: context.modelRoot,
    parent: null,
    max_model_len: context.engine.info.maxModelLen,
  };
}
