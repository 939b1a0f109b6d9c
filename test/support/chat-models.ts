import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChatTemplate } from '#halflight/text/chat-template.js';
import { detectOutput } from '#halflight/text/output/detect.js';
import { Tokenizer } from '#halflight/text/tokenizer.js';
import { FakeEngine } from './fake-engine.js';
import { fable } from './models.js';
import { fixture } from './paths.js';

/** Markers that are special tokens of each family, as their tokenizers have them. */
const SPECIAL_TOKENS = {
  qwen3: [],
  llama3: ['<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>', '<|python_tag|>'],
  mistral: [
    '[INST]',
    '[/INST]',
    '[TOOL_CALLS]',
    '[ARGS]',
    '[CALL_ID]',
    '[AVAILABLE_TOOLS]',
    '[/AVAILABLE_TOOLS]',
  ],
  'gpt-oss': [
    '<|start|>',
    '<|end|>',
    '<|message|>',
    '<|channel|>',
    '<|constrain|>',
    '<|call|>',
    '<|return|>',
  ],
} as const;

export type Family = keyof typeof SPECIAL_TOKENS;

export interface ChatModel {
  readonly template: ChatTemplate;
  readonly tokenizer: Tokenizer;
  readonly output: ReturnType<typeof detectOutput>;
}

const known = new Map<Family, ChatModel>();

/** Read once: a tokenizer takes a while to build. */
export function chatModel(family: Family): ChatModel {
  const model = known.get(family) ?? readModel(family);
  known.set(family, model);
  return model;
}

/** The bundled model's tokenizer with the special tokens of another family, and a template in its style. */
function readModel(family: Family): ChatModel {
  const source = readFileSync(fixture(`templates/${family}.jinja`), 'utf8').trimEnd();
  const template = new ChatTemplate(source, { bos_token: '<|endoftext|>', eos_token: '<|im_end|>' });
  return { template, tokenizer: withSpecialTokens(SPECIAL_TOKENS[family]), output: detectOutput(source) };
}

function withSpecialTokens(contents: readonly string[]): Tokenizer {
  const read = (name: string) => JSON.parse(readFileSync(join(fable, name), 'utf8'));
  const json = read('tokenizer.json');
  const more = contents.map((content, i) => ({
    id: 2048 + i,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  return new Tokenizer(
    { ...json, added_tokens: [...json.added_tokens, ...more] },
    read('tokenizer_config.json'),
  );
}

/** An engine that answers with the text, in which special tokens are read as such, and room for long prompts. */
export function answering({ tokenizer }: ChatModel, text: string): FakeEngine {
  const ids = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
  return new FakeEngine({ script: [...ids, 2], info: { maxModelLen: 8192 } });
}
