/** A page of tables, bars and charts as data; the page draws itself in a browser. */
export interface ReportPage {
  readonly title: string;
  /** What was measured how, one line each. */
  readonly notes: readonly string[];
  readonly tables: readonly Table[];
  readonly bars: readonly Bars[];
  readonly charts: readonly Chart[];
}

export interface Table {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly note?: string;
}

/** Amounts side by side, each made of parts. */
export interface Bars {
  readonly title: string;
  readonly rows: readonly {
    readonly name: string;
    readonly parts: readonly { readonly name: string; readonly amount: number }[];
    /** What stands at the bar's end. */
    readonly text: string;
  }[];
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  /** A second scale at the right, for the series that ask for it. */
  readonly right?: Axis;
  readonly series: readonly Series[];
  /** Places on the x axis that are marked. */
  readonly marks: readonly { readonly x: number; readonly label: string }[];
  /** A level that is drawn across, such as a ratio of 1. */
  readonly level?: number;
  readonly note?: string;
}

export interface Axis {
  readonly label: string;
  readonly logarithmic?: boolean;
}

export interface Series {
  readonly name: string;
  /** By x, ascending. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Half the width of each point's interval; null where it has none. */
  readonly halfWidths?: readonly (number | null)[];
  readonly right?: boolean;
  /** Whether points stand for themselves, or for a line that is drawn through them. */
  readonly dots?: boolean;
}

/** What a page takes along: uPlot with its licence, and the style and script of halflight's own. */
export interface PageAssets {
  readonly libraryScript: string;
  readonly libraryStyle: string;
  readonly libraryLicence: string;
  readonly script: string;
  readonly style: string;
}

/** One file that asks nothing of the network. */
export function reportHtml(page: ReportPage, assets: PageAssets): string {
  const title = escapeHtml(page.title);
  const data = JSON.stringify(page.charts).replaceAll('<', '\\u003c');
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${title}</title>`,
    `<!-- Charts are drawn by uPlot:\n${assets.libraryLicence.replaceAll('--', '- -').trim()}\n-->`,
    `<style>${assets.libraryStyle}\n${assets.style}</style></head><body>`,
    `<h1>${title}</h1>`,
    ...page.notes.map((note) => `<p>${escapeHtml(note)}</p>`),
    ...page.tables.map(tableHtml),
    ...page.bars.map(barsHtml),
    '<main id="charts"><noscript><p>The charts need JavaScript.</p></noscript></main>',
    `<script type="application/json" id="data">${data}</script>`,
    `<script>${assets.libraryScript}</script>`,
    `<script>${assets.script}</script>`,
    '</body></html>',
    '',
  ].join('\n');
}

function tableHtml({ title, heads, rows, note }: Table): string {
  const head = heads.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('');
  const body = rows.map(([first = '', ...cells]) => {
    const data = cells.map(
      (text, i) => `<td data-head="${escapeHtml(heads[i + 1] ?? '')}">${escapeHtml(text)}</td>`,
    );
    return `<tr><th scope="row">${escapeHtml(first)}</th>${data.join('')}</tr>`;
  });
  const below = note === undefined ? '' : `<p>${escapeHtml(note)}</p>`;
  return `<section><h2>${escapeHtml(title)}</h2><div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>${below}</section>`;
}

/** A bar's parts have the colours of the charts' series. */
function barsHtml({ title, rows }: Bars): string {
  const sum = ({ parts }: Bars['rows'][number]) => parts.reduce((total, { amount }) => total + amount, 0);
  const greatest = Math.max(...rows.map(sum), 1e-9);
  const bars = rows.map((row) => {
    const parts = row.parts.map(
      ({ name, amount }, i) =>
        `<i title="${escapeHtml(name)}" style="--share:${(amount / greatest).toFixed(4)};--colour:var(--s${i})"></i>`,
    );
    return `<dt>${escapeHtml(row.name)}</dt><dd><div class="bar">${parts.join('')}</div>${escapeHtml(row.text)}</dd>`;
  });
  const names = rows[0]?.parts.map(
    ({ name }, i) => `<span style="--colour:var(--s${i})">${escapeHtml(name)}</span>`,
  );
  return `<section><h2>${escapeHtml(title)}</h2><div class="legend">${names?.join('') ?? ''}</div><dl>${bars.join('')}</dl></section>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
