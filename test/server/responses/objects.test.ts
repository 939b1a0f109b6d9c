import t from 'tap';
import type { ChatRun } from '#halflight/server/chat-run.js';
import {
  callItem,
  messageItem,
  newId,
  reasoningItem,
  responseObject,
} from '#halflight/server/responses/objects.js';

const usage = {
  prompt_tokens: 10,
  completion_tokens: 4,
  total_tokens: 14,
  prompt_tokens_details: { cached_tokens: 8 },
};
const CHAT = { id: 'resp-1', name: 'fable', created: 7, run: { usage: () => usage } } as unknown as ChatRun;

t.test('ids differ, behind the prefix of their kind', async (t) => {
  t.match(newId('msg'), /^msg_[0-9a-f]{32}$/);
  t.not(newId('msg'), newId('msg'));
});

t.test('items without text have no parts', async (t) => {
  t.match(messageItem('m', '', 'in_progress'), { content: [], status: 'in_progress' });
  t.match(reasoningItem('r', '', 'in_progress'), { content: [], summary: [] });
  t.match(messageItem('m', 'x', 'completed'), {
    content: [{ type: 'output_text', text: 'x', annotations: [] }],
  });
  const call = { id: 'c', name: 'look', arguments: '{}' };
  t.match(callItem('f', call, 'completed'), { id: 'f', call_id: 'c', name: 'look' });
});

t.test('a response repeats the request, and counts tokens when it is done', async (t) => {
  const body = { input: 'Hi', instructions: 'x', metadata: { a: 'b' }, temperature: 0 };
  const begun = responseObject(body, CHAT, { status: 'in_progress', output: [] });
  t.match(begun, {
    instructions: 'x',
    metadata: { a: 'b' },
    temperature: 0,
    top_p: 1,
    store: false,
    usage: null,
  });
  t.match(responseObject(body, CHAT, { status: 'completed', output: [] }), {
    usage: {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 8 },
      output_tokens: 4,
      total_tokens: 14,
    },
  });
});
