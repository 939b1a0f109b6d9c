/** @type {Readonly<Record<string, string>>} */
const ENDINGS = {
  length: 'cut off at the limit of tokens',
  tool_calls: 'ended with a call',
  aborted: 'stopped',
};

/** An answer as it comes in: its text, how it ended, and how fast it came. */
export class Answer {
  text = '';
  reasoning = '';
  /** @type {string | null} */
  ending = null;
  /** ms */
  #startMs;
  /** @type {number | null} */
  #firstMs = null;
  #lastMs = 0;
  #numChunks = 0;
  /** @type {number | null} as the server counts */
  #numTokens = null;

  /** @param {number} startMs when the request was sent */
  constructor(startMs) {
    this.#startMs = startMs;
  }

  /**
   * @param {any} chunk of a chat or a completion
   * @param {number} nowMs
   */
  add(chunk, nowMs) {
    this.#numTokens = chunk.usage?.completion_tokens ?? this.#numTokens;
    const [choice] = chunk.choices;
    if (choice === undefined) return;
    this.ending = choice.finish_reason ?? this.ending;
    const { content = '', reasoning_content: reasoning = '' } = choice.delta ?? { content: choice.text };
    this.#addText(content ?? '', reasoning ?? '', nowMs);
  }

  /** @param {string} text @param {string} reasoning @param {number} nowMs */
  #addText(text, reasoning, nowMs) {
    if (text + reasoning === '') return;
    this.text += text;
    this.reasoning += reasoning;
    this.#firstMs ??= nowMs;
    this.#lastMs = nowMs;
    this.#numChunks += 1;
  }

  /** In words: time to first token, tokens, tokens per second, and an end that is not the model's own. */
  summary() {
    if (this.#firstMs === null) return this.ending === 'aborted' ? 'stopped' : 'no text';
    // An answer that was stopped has no count of the server's: there is a chunk for each token.
    const numTokens = this.#numTokens ?? this.#numChunks;
    const seconds = (this.#lastMs - this.#firstMs) / 1000;
    const parts = [
      `first token after ${duration(this.#firstMs - this.#startMs)}`,
      `${numTokens} token${numTokens === 1 ? '' : 's'}`,
    ];
    if (numTokens > 1 && seconds > 0) parts.push(`${rate((numTokens - 1) / seconds)} tokens/s`);
    const ending = ENDINGS[this.ending ?? ''];
    return [...parts, ...(ending === undefined ? [] : [ending])].join(' · ');
  }
}

/** @param {number} ms */
function duration(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** @param {number} perSecond */
function rate(perSecond) {
  return perSecond < 100 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}
