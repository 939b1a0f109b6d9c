import t from 'tap';
import { readPrompts } from '#halflight/bench/serve/prompt-file.js';

t.test('lines of JSON hold texts, chats, or conversations of ShareGPT', (t) => {
  const messages = [{ role: 'user', content: 'hi' }];
  const conversations = [
    { from: 'system', value: 'be kind' },
    { from: 'human', value: 'how?' },
    { from: 'gpt', value: 'so' },
  ];
  const lines = [{ prompt: 'a' }, { text: 'b' }, { messages }, { conversations }];
  const text = lines.map((line) => JSON.stringify(line)).join('\n\n');
  t.strictSame(readPrompts(text), ['a', 'b', messages, 'how?']);
  t.strictSame(readPrompts(`\n${JSON.stringify(lines)}`), ['a', 'b', messages, 'how?'], 'one array');
  t.end();
});

t.test('an entry without a prompt is null', (t) => {
  t.strictSame(
    readPrompts(
      '{"prompt":"a"}\nno json\n{"messages":[]}\n{"conversations":[{"from":"gpt","value":"x"}]}\n3',
    ),
    ['a', null, null, null, null],
  );
  t.strictSame(readPrompts('[broken'), [null]);
  t.strictSame(readPrompts(''), []);
  t.end();
});
