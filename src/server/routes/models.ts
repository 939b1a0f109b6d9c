import type { FastifyInstance } from 'fastify';
import type { ServerContext } from '../context.js';
import type { ModelListing } from '../models.js';

/** `GET /v1/models`, `GET /v1/models/<name>`; a name may hold slashes. */
export function addModels(app: FastifyInstance, context: ServerContext): void {
  const { models } = context;
  const describe = (model: ModelListing) => describeModel(model, context.startedAt);
  app.get('/v1/models', { schema: { summary: 'The served models' } }, async () => ({
    object: 'list',
    data: models.list().map(describe),
  }));
  app.get<{ Params: { '*': string } }>(
    '/v1/models/*',
    { schema: { summary: 'One of them' } },
    async (request) => {
      const name = models.nameOf(request.params['*']);
      return models
        .list()
        .filter(({ id }) => id === name)
        .map(describe)[0];
    },
  );
}

function describeModel({ id, root, parent, maxModelLen }: ModelListing, created: number): object {
  return {
    id,
    object: 'model',
    created,
    owned_by: 'halflight',
    root,
    parent,
    max_model_len: maxModelLen,
  };
}
