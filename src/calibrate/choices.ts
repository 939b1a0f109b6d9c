import { UserError } from '../errors.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { argmax, tokenLoss } from './log-probs.js';
import type { Question } from './questions.js';
import { type Estimate, estimate } from './statistics.js';
import { type LogitsSource, type OnWindow, scoredIds, type Window } from './windows.js';

/** How likely a choice is after its context. */
export interface ChoiceScore {
  /** Sum over the choice's tokens, nats. */
  readonly logLikelihood: number;
  readonly numTokens: number;
  /** UTF-8. */
  readonly numBytes: number;
}

export interface ChoiceReport {
  readonly numQuestions: number;
  /** Share of the questions whose right choice has the greatest log-likelihood: as it is, by its bytes, by its tokens. Of equals the first counts. */
  readonly accuracy: Estimate;
  readonly accuracyByBytes: Estimate;
  readonly accuracyByTokens: Estimate;
  readonly questions: readonly { readonly line: number; readonly choices: readonly ChoiceScore[] }[];
}

/** A question in tokens: each choice after its context, its own tokens scored. */
export interface EncodedQuestion extends Question {
  readonly windows: readonly Window[];
}

/**
 * Context and choice are one text to the tokenizer. The tokens in which it differs from the context alone are the choice's, so a token
 * that reaches over the border counts. Throws UserError naming `source` and line where a choice has nothing before it, or does not fit the model.
 */
export function encodeQuestion(
  tokenizer: Pick<Tokenizer, 'encode'>,
  question: Question,
  maxModelLen: number,
  source: string,
): EncodedQuestion {
  const encode = (text: string) =>
    tokenizer.encode(text, { addSpecialTokens: true, parseSpecialTokens: true });
  const context = encode(question.context);
  const windows = question.choices.map((choice, i) => {
    const problem = (what: string) =>
      new UserError(`${source}: line ${question.line}: choices[${i}]: ${what}`);
    const tokenIds = encode(question.context + choice);
    const firstScored = commonLength(context, tokenIds);
    if (firstScored === 0) throw problem('no token stands before it; begin the context with one');
    if (firstScored === tokenIds.length) throw problem('adds no token to the context');
    if (tokenIds.length <= maxModelLen) return { tokenIds, firstScored };
    throw problem(`${tokenIds.length} tokens with its context, but the model takes ${maxModelLen}`);
  });
  return { ...question, windows };
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((id, i) => id !== b[i]);
  return differs < 0 ? a.length : differs;
}

/** Scores all choices of all questions. Rejects where the device is lost. */
export async function scoreQuestions(
  source: LogitsSource,
  questions: readonly EncodedQuestion[],
  onQuestion?: OnWindow,
): Promise<ChoiceReport> {
  const scores: ChoiceScore[][] = [];
  for (const [i, { windows, choices }] of questions.entries()) {
    const ofQuestion: ChoiceScore[] = [];
    for (const [k, window] of windows.entries())
      ofQuestion.push(await scoreChoice(source, window, choices[k]));
    scores.push(ofQuestion);
    onQuestion?.(i + 1, questions.length);
  }
  const accuracy = (figure: (score: ChoiceScore) => number) =>
    estimate(scores.map((choices, i) => (argmax(choices.map(figure)) === questions[i].answer ? 1 : 0)));
  return {
    numQuestions: questions.length,
    accuracy: accuracy(({ logLikelihood }) => logLikelihood),
    accuracyByBytes: accuracy(({ logLikelihood, numBytes }) => logLikelihood / numBytes),
    accuracyByTokens: accuracy(({ logLikelihood, numTokens }) => logLikelihood / numTokens),
    questions: questions.map(({ line }, i) => ({ line, choices: scores[i] })),
  };
}

async function scoreChoice(source: LogitsSource, window: Window, choice: string): Promise<ChoiceScore> {
  const ids = scoredIds(window);
  let logLikelihood = 0;
  let next = 0;
  for await (const row of source.rows(window)) logLikelihood -= tokenLoss(row, ids[next++]);
  return { logLikelihood, numTokens: ids.length, numBytes: Buffer.byteLength(choice) };
}
