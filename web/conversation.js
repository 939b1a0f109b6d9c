import { find, make, makeButton } from './dom.js';

/** How near to its end, in pixels, the list follows what is added. */
const FOLLOW_PX = 80;

/** What was said, as the page shows it. */
export class Conversation {
  #list = find('#messages', HTMLElement);
  #empty = find('#empty', HTMLElement);

  clear() {
    this.#list.replaceChildren(this.#empty);
  }

  /** @param {string} text */
  addUser(text) {
    this.#add(make('article', 'message user', make('h2', 'hidden', 'You'), make('div', 'text', text)));
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** An answer without text yet. @param {string} model */
  addAnswer(model) {
    const view = new AnswerView(model);
    this.#add(view.element);
    return view;
  }

  /** @param {string} text */
  addError(text) {
    const error = make('p', 'message error', text);
    error.setAttribute('role', 'alert');
    this.#add(error);
  }

  /** Does what changes the list, and keeps its end in view where it was. @param {() => void} change */
  following(change) {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    const follows = scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
    change();
    if (follows) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** @param {HTMLElement} element */
  #add(element) {
    this.#empty.remove();
    this.following(() => this.#list.append(element));
  }
}

export class AnswerView {
  #text = make('div', 'text');
  #reasoning = make('div', 'text');
  #thoughts = make('details', 'thoughts', make('summary', '', 'Reasoning'), this.#reasoning);
  #summary = make('span', 'summary');
  #footer = make('footer', '', this.#summary);

  /** @param {string} model */
  constructor(model) {
    this.#thoughts.hidden = true;
    this.element = make('article', 'message answer', make('h2', '', model), this.#thoughts, this.#text);
    this.element.append(this.#footer);
    this.element.setAttribute('aria-busy', 'true');
  }

  /** @param {import('./answer.js').Answer} answer */
  show({ text, reasoning }) {
    this.#text.textContent = text;
    this.#reasoning.textContent = reasoning;
    this.#thoughts.hidden = reasoning === '';
  }

  /**
   * @param {string} summary
   * @param {Readonly<Record<string, () => string>>} copies labels of buttons, and what they copy
   */
  finish(summary, copies) {
    this.element.setAttribute('aria-busy', 'false');
    this.#summary.textContent = summary;
    for (const [label, text] of Object.entries(copies)) this.#footer.append(copyButton(label, text));
  }
}

/** @param {string} label @param {() => string} text */
function copyButton(label, text) {
  const button = makeButton(label, async () => {
    button.textContent = (await copyText(text())) ? 'Copied' : 'The browser does not allow it';
    setTimeout(() => {
      button.textContent = label;
    }, 1500);
  });
  return button;
}

/** Whether it could be copied. @param {string} text */
async function copyText(text) {
  // Absent where the page came over plain HTTP from another machine.
  if (navigator.clipboard === undefined) return copySelected(text);
  return navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  );
}

/** @param {string} text */
function copySelected(text) {
  const field = make('textarea', 'hidden', text);
  document.body.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  return copied;
}
