import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';

/** Describes the routes that are added after it by the schemas that validate their bodies: `GET /openapi.json`, and `/docs` for people. */
export function addOpenApi(app: FastifyInstance, version: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'halflight',
        version,
        description:
          'An LLM inference server on WebGPU, in the forms of OpenAI and Anthropic. Each description completes “<field> must be …”; null counts as absent.',
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          header: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        },
      },
      security: [{ bearer: [] }, { header: [] }],
    },
  });
  app.register(swaggerUi, { routePrefix: '/docs' });
}

/** `GET /openapi.json` */
export function addOpenApiRoute(app: FastifyInstance): void {
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
