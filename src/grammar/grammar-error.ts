/** Why a specification is none, in words for its author. */
export class GrammarError extends Error {
  override readonly name = 'GrammarError';
}
