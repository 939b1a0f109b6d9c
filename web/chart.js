import { make } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 300;
const HEIGHT = 80;

/** A line for each series over the points that are kept. */
export class Chart {
  #spec;
  #numPoints;
  #svg = document.createElementNS(SVG, 'svg');
  #values = make('div', 'values');
  #top = make('span', 'top');
  /** Of each series. @type {(number | null)[][]} */
  #points;

  /** @param {import('./series.js').ChartSpec} spec @param {number} numPoints */
  constructor(spec, numPoints) {
    this.#spec = spec;
    this.#numPoints = numPoints;
    this.#points = spec.series.map(() => []);
    this.#svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.#svg.setAttribute('preserveAspectRatio', 'none');
    this.#svg.setAttribute('aria-hidden', 'true');
    const plot = make('div', 'plot', this.#svg, this.#top);
    this.element = make('figure', '', make('figcaption', '', spec.title), this.#values, plot);
  }

  /** @param {readonly (number | null)[]} values of each series; null is a gap */
  add(values) {
    values.forEach((value, i) => {
      const points = this.#points[i];
      points?.push(value);
      if (points !== undefined && points.length > this.#numPoints) points.shift();
    });
    this.#draw();
  }

  #draw() {
    const top = Math.max(0, ...this.#points.flat().map((value) => value ?? 0));
    this.#top.textContent = top === 0 ? '' : this.#spec.format(top);
    this.#values.replaceChildren(...this.#points.map((points, i) => this.#valueOf(points, i)));
    this.#svg.replaceChildren(...this.#points.map((points, i) => this.#lineOf(points, i, top || 1)));
  }

  /** @param {readonly (number | null)[]} points @param {number} index */
  #valueOf(points, index) {
    const last = points.at(-1) ?? null;
    const text = last === null ? '–' : this.#spec.format(last);
    const label = this.#spec.series[index]?.label ?? '';
    return make('span', `value series-${index}`, make('b', '', text), ` ${label}`);
  }

  /** @param {readonly (number | null)[]} points @param {number} index @param {number} top */
  #lineOf(points, index, top) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', `series-${index}`);
    path.setAttribute('d', pathOf(points, WIDTH / (this.#numPoints - 1), top));
    return path;
  }
}

/**
 * The newest point is at the right edge; a gap begins a new line.
 * @param {readonly (number | null)[]} points
 * @param {number} step in x
 * @param {number} top the value at the upper edge
 */
function pathOf(points, step, top) {
  const parts = points.map((value, i) => {
    if (value === null) return '';
    const x = WIDTH - (points.length - 1 - i) * step;
    const y = HEIGHT - 1 - (value / top) * (HEIGHT - 2);
    return `${(points[i - 1] ?? null) === null ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return parts.join('');
}
