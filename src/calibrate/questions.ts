import { UserError } from '../errors.js';

/** A question with several answers, of which one is right. */
export interface Question {
  /** Of the file, from 1. */
  readonly line: number;
  readonly context: string;
  readonly choices: readonly string[];
  /** Index of the right choice. */
  readonly answer: number;
}

export const QUESTION_LIMITS = { fileBytes: 64 * 2 ** 20, lineLength: 2 ** 20, choices: 64 } as const;

/**
 * Reads lines `{"context": "…", "choices": ["…", …], "answer": 0}`; empty lines are skipped, other keys ignored.
 * Throws UserError naming `source`, line and field.
 */
export function parseQuestions(text: string, source: string): readonly Question[] {
  const questions = text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const problem = (what: string) => new UserError(`${source}: line ${i + 1}: ${what}`);
    if (line.length > QUESTION_LIMITS.lineLength)
      throw problem(`longer than ${QUESTION_LIMITS.lineLength} characters`);
    return [parseQuestion(parseObject(line, problem), i + 1, problem)];
  });
  if (questions.length > 0) return questions;
  throw new UserError(`${source}: has no questions; write one JSON object a line`);
}

type Problem = (what: string) => UserError;

function parseObject(line: string, problem: Problem): Record<string, unknown> {
  const value = parseJson(line, problem);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw problem('not a JSON object');
}

function parseJson(line: string, problem: Problem): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw problem('not JSON');
  }
}

function parseQuestion(
  { context, choices, answer }: Record<string, unknown>,
  line: number,
  problem: Problem,
): Question {
  if (typeof context !== 'string') throw problem('context: not a text');
  if (!Array.isArray(choices)) throw problem('choices: not a list');
  if (choices.length < 2 || choices.length > QUESTION_LIMITS.choices)
    throw problem(`choices: ${choices.length}, but 2 to ${QUESTION_LIMITS.choices} are taken`);
  const texts = choices.map((choice: unknown, i) => {
    if (typeof choice === 'string' && choice !== '') return choice;
    throw problem(`choices[${i}]: ${choice === '' ? 'empty' : 'not a text'}`);
  });
  if (typeof answer === 'number' && Number.isInteger(answer) && answer >= 0 && answer < texts.length)
    return { line, context, choices: texts, answer };
  throw problem(`answer: ${JSON.stringify(answer)} is no index of its ${texts.length} choices`);
}
