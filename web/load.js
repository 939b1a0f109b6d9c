import { readMetrics } from './api.js';
import { Chart } from './chart.js';
import { find } from './dom.js';
import { parseMetrics } from './prometheus.js';
import { CHARTS } from './series.js';
import { explain } from './words.js';

const INTERVAL_MS = 1000;
const NUM_POINTS = 120;
/** Quantiles are of what was observed since so many samples. */
const WINDOW = 10;

/** The view of `/metrics`, read each second while it is seen. */
export class LoadView {
  #settings;
  #charts = CHARTS.map((spec) => ({ spec, chart: new Chart(spec, NUM_POINTS) }));
  #scraped = find('#scraped', HTMLElement);
  #pause = find('#pause', HTMLButtonElement);
  #isPaused = false;
  #isVisible = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The newest last. @type {import('./series.js').Sample[]} */
  #samples = [];

  /** @param {import('./settings.js').SettingsForm} settings */
  constructor(settings) {
    this.#settings = settings;
    find('#charts', HTMLElement).append(...this.#charts.map(({ chart }) => chart.element));
    this.#pause.addEventListener('click', () => this.#togglePause());
    document.addEventListener('visibilitychange', () => this.restart());
  }

  /** @param {boolean} isVisible */
  setVisible(isVisible) {
    this.#isVisible = isVisible;
    this.restart();
  }

  /** Reads at once, and from then on in turn. */
  restart() {
    clearTimeout(this.#timer);
    if (!this.#isVisible || this.#isPaused || document.hidden) return;
    void this.#scrape();
  }

  #togglePause() {
    this.#isPaused = !this.#isPaused;
    this.#pause.setAttribute('aria-pressed', String(this.#isPaused));
    this.#pause.textContent = this.#isPaused ? 'Go on' : 'Pause';
    this.restart();
  }

  async #scrape() {
    try {
      const text = await readMetrics(this.#settings.key);
      this.#add({ atMs: performance.now(), scrape: parseMetrics(text) });
      this.#tell('All models together, over two minutes');
    } catch (error) {
      this.#tell(explain(error, this.#settings.key !== ''));
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.restart(), INTERVAL_MS);
  }

  /** @param {import('./series.js').Sample} now */
  #add(now) {
    const last = this.#samples.at(-1) ?? now;
    this.#samples = [...this.#samples, now].slice(-WINDOW - 1);
    const before = this.#samples[0] ?? now;
    for (const { spec, chart } of this.#charts) chart.add(spec.series.map(({ of }) => of(now, last, before)));
  }

  /** Only what is new is written, for it is read aloud. @param {string} text */
  #tell(text) {
    if (this.#scraped.textContent !== text) this.#scraped.textContent = text;
  }
}
