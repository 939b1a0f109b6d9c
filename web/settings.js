import { find } from './dom.js';

const STORED_KEY = 'halflight.key';
const STORED_SETTINGS = 'halflight.settings';

/** The form beside the conversation. What is entered stays until the tab is closed. */
export class SettingsForm {
  #form = find('#settings', HTMLFormElement);
  #panel = find('#panel', HTMLDetailsElement);
  #model = find('[name=model]', HTMLSelectElement);
  #key = find('[name=key]', HTMLInputElement);

  /** @param {() => void} onKey called when another key was entered */
  constructor(onKey) {
    this.#restore();
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    this.#form.addEventListener('input', () => this.#store());
    this.#key.addEventListener('change', onKey);
    // On a narrow screen the conversation comes first.
    this.#panel.open = !window.matchMedia('(max-width: 760px)').matches;
  }

  get key() {
    return this.#key.value.trim();
  }

  /** All but the key. @returns {import('./request.js').Settings} */
  get values() {
    const entries = [...new FormData(this.#form)].map(([name, value]) => [name, String(value)]);
    return Object.fromEntries(entries.filter(([name]) => name !== 'key'));
  }

  /** The first field that holds what it may not, in words; null where there is none. */
  problem() {
    const field = [...this.#form.elements].find(
      (one) => one instanceof HTMLInputElement && !one.validity.valid,
    );
    if (!(field instanceof HTMLInputElement)) return null;
    const label = field.labels?.[0]?.textContent?.trim() ?? field.name;
    return `${label}: ${field.validationMessage}`;
  }

  /** @param {readonly string[]} names */
  showModels(names) {
    const chosen = this.#model.value || this.#stored().model;
    this.#model.replaceChildren(...names.map((name) => new Option(name, name)));
    if (chosen && names.includes(chosen)) this.#model.value = chosen;
  }

  focusKey() {
    this.#panel.open = true;
    this.#key.focus();
  }

  #store() {
    sessionStorage.setItem(STORED_KEY, this.key);
    sessionStorage.setItem(STORED_SETTINGS, JSON.stringify(this.values));
  }

  /** @returns {Record<string, string>} */
  #stored() {
    return JSON.parse(sessionStorage.getItem(STORED_SETTINGS) ?? '{}');
  }

  #restore() {
    this.#key.value = sessionStorage.getItem(STORED_KEY) ?? '';
    for (const [name, value] of Object.entries(this.#stored())) {
      const field = this.#form.elements.namedItem(name);
      if (field === null || name === 'model') continue;
      if ('value' in field) field.value = value;
    }
  }
}
