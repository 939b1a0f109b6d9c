import type { FastifyInstance } from 'fastify';
import { leaseModel, type ServerContext } from '../context.js';
import { assertReady } from '../state.js';

/** `GET /load`: sequences that run or wait, of all models. `GET /props`: what the first model is and takes, in llama-server's names. */
export function addLoad(app: FastifyInstance, context: ServerContext): void {
  app.get('/load', { schema: { summary: 'Answers that run or wait' } }, async () => ({
    server_load: context.models.loaded().reduce((sum, { admission }) => sum + admission.numAdmitted, 0),
  }));
  app.get<{ Querystring: { model?: string } }>(
    '/props',
    { schema: { summary: 'Properties of a model' } },
    async ({ query }, reply) => {
      assertReady(context.state);
      const { model, name } = await leaseModel(context, reply, query.model);
      const { maxModelLen, maxNumSeqs } = model.engine.info;
      return {
        default_generation_settings: { n_ctx: maxModelLen, params: {} },
        total_slots: maxNumSeqs,
        model_alias: name,
        model_path: context.models.list().find(({ id }) => id === name)?.root,
        chat_template: model.template?.source ?? null,
        modalities: { vision: false, audio: false },
        build_info: `halflight ${context.version}`,
      };
    },
  );
}
