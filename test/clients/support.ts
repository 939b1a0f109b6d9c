import type { Test } from 'tap';
import { answering, chatModel } from '../support/chat-models.js';
import { testServer } from '../support/server.js';

export const PARAMETERS = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
} as const;

/** What a Qwen 3 says that thinks and calls a function. */
const CALLING =
  '<think>\nI ask.\n</think>\n\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>';

/** A server that listens, whose model calls `get_weather` of Rome. */
export async function callingServer(t: Test): Promise<string> {
  const model = chatModel('qwen3');
  const app = testServer({ ...model, engine: answering(model, CALLING) });
  t.teardown(() => app.close());
  return app.listen({ host: '127.0.0.1', port: 0 });
}
