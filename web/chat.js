import { Answer } from './answer.js';
import { listModels, Refusal, streamAnswer } from './api.js';
import { Conversation } from './conversation.js';
import { find } from './dom.js';
import { toCurl, toRequest } from './request.js';
import { explain } from './words.js';

/** @typedef {import('./request.js').Turn} Turn */

/** The view in which one talks to a model. */
export class ChatView {
  #composer = find('#composer', HTMLFormElement);
  #input = find('#composer textarea', HTMLTextAreaElement);
  #send = find('#send', HTMLButtonElement);
  #stop = find('#stop', HTMLButtonElement);
  #status = find('#status', HTMLElement);
  #conversation = new Conversation();
  #settings;
  /** @type {Turn[]} */
  #turns = [];
  /** Of the answer that comes in; null where none does. @type {AbortController | null} */
  #running = null;

  /** @param {import('./settings.js').SettingsForm} settings */
  constructor(settings) {
    this.#settings = settings;
    this.#composer.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#input.addEventListener('keydown', (event) => this.#onKey(event));
    this.#input.addEventListener('input', () => this.#grow());
    this.#stop.addEventListener('click', () => this.#running?.abort());
    find('#clear', HTMLButtonElement).addEventListener('click', () => this.#clear());
    document.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') this.#running?.abort();
    });
  }

  async loadModels() {
    try {
      this.#settings.showModels(await listModels(this.#settings.key));
    } catch (error) {
      this.#showError(error);
    }
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    // Enter also ends the choice of a character where one types with an input method.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#composer.requestSubmit();
  }

  /** As high as its text; the style has the limit. */
  #grow() {
    this.#input.style.height = 'auto';
    this.#input.style.height = `${this.#input.scrollHeight}px`;
  }

  #clear() {
    this.#running?.abort();
    this.#turns = [];
    this.#conversation.clear();
    this.#input.focus();
  }

  async #submit() {
    const text = this.#input.value;
    if (this.#running !== null || text.trim() === '') return;
    /** @type {Turn[]} */
    const turns = [...this.#turns, { role: 'user', content: text }];
    const request = this.#prepare(turns);
    if (request === null) return;
    this.#input.value = '';
    this.#grow();
    this.#turns = turns;
    this.#conversation.addUser(text);
    await this.#answer(request, turns);
  }

  /** @param {readonly Turn[]} turns */
  #prepare(turns) {
    const problem = this.#settings.problem();
    if (problem !== null) {
      this.#conversation.addError(problem);
      return null;
    }
    try {
      return toRequest(this.#settings.values, turns);
    } catch (error) {
      this.#showError(error);
      return null;
    }
  }

  /**
   * @param {import('./request.js').Request} request
   * @param {Turn[]} turns which the answer follows
   */
  async #answer(request, turns) {
    const running = new AbortController();
    this.#setRunning(running);
    const answer = new Answer(performance.now());
    const view = this.#conversation.addAnswer(this.#settings.values.model ?? '');
    try {
      for await (const chunk of streamAnswer(request, this.#settings.key, running.signal)) {
        answer.add(chunk, performance.now());
        this.#conversation.following(() => view.show(answer));
      }
    } catch (error) {
      if (running.signal.aborted) answer.ending = 'aborted';
      else this.#fail(error, answer, view);
    }
    this.#finish(request, turns, answer, view);
  }

  /**
   * @param {unknown} error
   * @param {Answer} answer
   * @param {import('./conversation.js').AnswerView} view
   */
  #fail(error, answer, view) {
    answer.ending = 'failed';
    if (answer.text + answer.reasoning === '') view.element.remove();
    this.#showError(error);
  }

  /**
   * @param {import('./request.js').Request} request
   * @param {Turn[]} turns
   * @param {Answer} answer
   * @param {import('./conversation.js').AnswerView} view
   */
  #finish(request, turns, answer, view) {
    const hasKey = this.#settings.key !== '';
    const summary = answer.summary();
    this.#conversation.following(() =>
      view.finish(summary, {
        Copy: () => answer.text,
        'Copy as curl': () => toCurl(request, document.baseURI, hasKey),
      }),
    );
    this.#setRunning(null);
    this.#status.textContent = `Answer: ${summary}`;
    // A new chat may have begun meanwhile.
    if (this.#turns !== turns) return;
    if (answer.text !== '') turns.push({ role: 'assistant', content: answer.text });
    else turns.pop();
  }

  /** @param {AbortController | null} running */
  #setRunning(running) {
    this.#running = running;
    this.#send.hidden = running !== null;
    this.#stop.hidden = running === null;
    if (running !== null) this.#status.textContent = 'Answering';
  }

  /** @param {unknown} error */
  #showError(error) {
    this.#conversation.addError(explain(error, this.#settings.key !== ''));
    if (error instanceof Refusal && error.code === 'invalid_api_key') this.#settings.focusKey();
  }
}
