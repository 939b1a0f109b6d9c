import type { ToolCallParserName } from '../text/output/formats.js';
import type { CallFrame } from './spec.js';

/** How calls are written that the server asks for: as the model's own format has them, so that its parser reads them. */
export interface CallFrames {
  /** Before the first call and behind the last. */
  readonly open: string;
  readonly close: string;
  readonly separator: string;
  readonly frame: (name: string) => CallFrame;
  /** null sets no limit. */
  readonly maxCalls: number | null;
}

const json =
  (key: 'arguments' | 'parameters') =>
  (name: string): CallFrame => ({
    before: `{"name": ${JSON.stringify(name)}, "${key}": `,
    after: '}',
  });

const tagged = (name: string): CallFrame => ({
  before: `<tool_call>\n${json('arguments')(name).before}`,
  after: '}\n</tool_call>',
});

const PLAIN: CallFrames = {
  open: '',
  close: '',
  separator: '; ',
  frame: json('parameters'),
  maxCalls: null,
};
const LIST = { close: ']', separator: ', ', frame: json('arguments'), maxCalls: null };

const FRAMES: Readonly<Record<Exclude<ToolCallParserName, 'qwen3_coder'>, CallFrames>> = {
  hermes: { ...PLAIN, separator: '\n', frame: tagged },
  llama3_json: PLAIN,
  mistral: { ...PLAIN, separator: '', frame: (name) => ({ before: `[TOOL_CALLS]${name}`, after: '' }) },
  granite: { ...LIST, open: '<|tool_call|>[' },
  phi4_mini_json: { ...LIST, open: 'functools[' },
  openai: {
    ...PLAIN,
    // The message of a call ends the answer.
    maxCalls: 1,
    frame: (name) => ({
      before: `<|channel|>commentary to=functions.${name} <|constrain|>json<|message|>`,
      after: '',
    }),
  },
};

/** Formats whose arguments are no JSON, and models without one, are asked for calls in this one, and read in it. */
const FALLBACK = 'llama3_json';

/** The format that a model is asked for calls in, where it must write some. */
export function forcedFormat(tools: ToolCallParserName | null): Exclude<ToolCallParserName, 'qwen3_coder'> {
  return tools === null || tools === 'qwen3_coder' ? FALLBACK : tools;
}

export function callFrames(tools: ToolCallParserName): CallFrames {
  return FRAMES[forcedFormat(tools)];
}
