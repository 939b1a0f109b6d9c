import type { BackendName, Message, PromptRequest, Target, Usage } from './types.js';

/** What one event of an answer says. */
export interface StreamEvent {
  readonly text: string;
  readonly usage: Usage | null;
  /** Nothing follows but what is counted. */
  readonly isLast: boolean;
}

/** How an API is asked, and how it answers. */
export interface Dialect {
  readonly path: string;
  /** Whether prompts may be token ids. */
  readonly takesTokens: boolean;
  readonly body: (request: PromptRequest, target: Target) => object;
  readonly read: (event: Fields) => StreamEvent;
}

type Fields = Readonly<Record<string, unknown>>;

const OPENAI: Dialect = {
  path: '/v1/completions',
  takesTokens: true,
  body: ({ prompt, outputLen }, target) => ({
    ...common(outputLen, target),
    prompt: isMessages(prompt) ? joined(prompt) : prompt,
  }),
  read: (event) => readOpenAi(event, (choice) => choice.text),
};

/** Beside `data: [DONE]` each stream ends with an event that `isLast`. */
export const DIALECTS: Readonly<Record<BackendName, Dialect>> = {
  openai: OPENAI,
  vllm: {
    ...OPENAI,
    body: (request, target) => ({
      ...OPENAI.body(request, target),
      repetition_penalty: 1,
      ...(target.ignoreEos ? { min_tokens: request.outputLen } : {}),
    }),
  },
  'openai-chat': {
    path: '/v1/chat/completions',
    takesTokens: false,
    body: ({ prompt, outputLen }, target) => ({
      ...common(outputLen, target),
      messages: isMessages(prompt) ? prompt : [{ role: 'user', content: String(prompt) }],
    }),
    read: (event) => readOpenAi(event, ({ delta }) => textOfDelta(asFields(delta))),
  },
  'llama-server': {
    path: '/completion',
    takesTokens: true,
    body: ({ prompt, outputLen }, { temperature, ignoreEos }) => ({
      prompt: isMessages(prompt) ? joined(prompt) : prompt,
      n_predict: outputLen,
      temperature,
      stream: true,
      ...(ignoreEos ? { ignore_eos: true } : {}),
    }),
    read: ({ content, stop, tokens_evaluated, tokens_predicted }) => ({
      text: typeof content === 'string' ? content : '',
      usage: stop === true ? usageOf(tokens_evaluated, tokens_predicted) : null,
      isLast: stop === true,
    }),
  },
};

function common(outputLen: number, { model, temperature, ignoreEos }: Target): object {
  return {
    model,
    max_tokens: outputLen,
    temperature,
    stream: true,
    stream_options: { include_usage: true },
    ...(ignoreEos ? { ignore_eos: true } : {}),
  };
}

function readOpenAi({ choices, usage }: Fields, textOf: (choice: Fields) => unknown): StreamEvent {
  const choice = asFields(Array.isArray(choices) ? choices[0] : null);
  const text = textOf(choice);
  const { prompt_tokens, completion_tokens } = asFields(usage);
  return {
    text: typeof text === 'string' ? text : '',
    usage: usageOf(prompt_tokens, completion_tokens),
    isLast: typeof choice.finish_reason === 'string',
  };
}

/** What a model thinks is generated too. */
function textOfDelta({ content, reasoning_content, reasoning }: Fields): string {
  return [reasoning_content, reasoning, content].filter((part) => typeof part === 'string').join('');
}

function usageOf(input: unknown, output: unknown): Usage | null {
  return typeof input === 'number' && typeof output === 'number'
    ? { inputTokens: input, outputTokens: output }
    : null;
}

export function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function isMessages(prompt: PromptRequest['prompt']): prompt is readonly Message[] {
  return typeof prompt === 'object' && typeof prompt[0] === 'object';
}

function joined(messages: readonly Message[]): string {
  return messages.map(({ content }) => content).join('\n');
}
