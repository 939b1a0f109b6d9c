import type { Lengths } from '../../option-kinds.js';
import type { Draws } from './random.js';
import type { Message, PromptRequest } from './types.js';

export interface PromptOptions {
  readonly count: number;
  readonly inputLen: Lengths;
  readonly outputLen: Lengths;
  readonly vocabSize: number;
  /** Whether the API takes token ids; else words stand for them. */
  readonly takesTokens: boolean;
}

type Prompt = PromptRequest['prompt'];

/** Prompts of random tokens, of which no two begin alike. */
export function randomPrompts(options: PromptOptions, draws: Draws): PromptRequest[] {
  return Array.from({ length: options.count }, () => ({
    prompt: written(randomTokens(draws.length(options.inputLen), options, draws), options),
    outputLen: draws.length(options.outputLen),
  }));
}

/** Random prompts after one of `numPrefixes` starts of `prefixLen` tokens. */
export function prefixPrompts(
  options: PromptOptions & { readonly numPrefixes: number; readonly prefixLen: number },
  draws: Draws,
): PromptRequest[] {
  const starts = Array.from({ length: options.numPrefixes }, () =>
    randomTokens(options.prefixLen, options, draws),
  );
  return Array.from({ length: options.count }, () => {
    const own = randomTokens(draws.length(options.inputLen), options, draws);
    const tokens = [...starts[draws.below(starts.length)], ...own];
    return { prompt: written(tokens, options), outputLen: draws.length(options.outputLen) };
  });
}

/** Texts or chats, shuffled, and from the start again where more are wanted than there are. */
export function givenPrompts(
  texts: readonly (string | readonly Message[])[],
  { count, outputLen }: Pick<PromptOptions, 'count' | 'outputLen'>,
  draws: Draws,
): PromptRequest[] {
  const order = draws.shuffled(texts);
  return Array.from({ length: count }, (_, i) => ({
    prompt: order[i % order.length],
    outputLen: draws.length(outputLen),
  }));
}

function randomTokens(length: number, { vocabSize }: PromptOptions, draws: Draws): number[] {
  return Array.from({ length }, () => draws.below(vocabSize));
}

/** A word is about a token. */
function written(tokens: readonly number[], { takesTokens }: PromptOptions): Prompt {
  return takesTokens ? tokens : tokens.map((token) => WORDS[token % WORDS.length]).join(' ');
}

const WORDS =
  'the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people my than first water been call who oil its now find long down day did get come made may part'.split(
    ' ',
  );

/** Short tasks of everyday kinds, for models that answer better than they go on from random tokens. */
export const BUNDLED_PROMPTS: readonly string[] = [
  'Once upon a time there was a small fox who lived at the edge of a wood.',
  'What is the capital of France?',
  'Write a short letter to a friend who has moved to another town.',
  'Explain in a few sentences why the sky is blue.',
  'List five things that one should take along on a walk in the mountains.',
  'Tell me a story about a lighthouse and a storm.',
  'How do bees make honey?',
  'Translate into German: the library is closed on Sundays.',
  'Give me a simple recipe for a soup of lentils.',
  'What is the difference between a comet and an asteroid?',
  'Describe a quiet morning in a harbour.',
  'Write a function that tells whether a number is prime.',
  'Summarize: the meeting was moved to Thursday because two of the speakers are ill.',
  'Why do ships float although they are made of steel?',
  'Suggest three names for a small bookshop.',
  'A train leaves at nine and travels for two and a half hours. When does it arrive?',
];
