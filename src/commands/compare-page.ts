import { escapeHtml } from '../bench/report/page.js';
import {
  type Column,
  type Comparison,
  columnsOf,
  notesOf,
  type SchemeRow,
  schemeName,
} from './comparison.js';

/** On a narrow screen each scheme is a card of its own, in place of a row. */
const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #5c6670; --line: #d9dee3; --bar: #2f6fde; --back: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --dim: #9aa4ae; --line: #333a42; --bar: #6ea0ff; --back: #14171a; }
}
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); }
main { overflow-x: auto; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .5rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: baseline; }
th:first-child { text-align: left; }
thead th { font-weight: 500; color: var(--dim); font-size: .85rem; }
.bar { height: 4px; margin-top: 4px; background: var(--line); border-radius: 2px; }
.bar i { display: block; height: 100%; width: calc(100% * var(--share)); background: var(--bar); border-radius: 2px; }
p { color: var(--dim); font-size: .9rem; overflow-wrap: anywhere; }
@media (max-width: 52rem) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { display: block; margin-bottom: 1rem; padding: .6rem; border: 1px solid var(--line); border-radius: 8px; }
  th, td { display: block; border: 0; padding: .15rem 0; }
  th:first-child { font-size: 1.1rem; }
  td { display: flex; flex-wrap: wrap; justify-content: flex-end; column-gap: .8rem; }
  td::before { content: attr(data-head); margin-right: auto; color: var(--dim); }
  .bar { flex-basis: 100%; margin: 2px 0 6px; }
}
`;

/** A page that needs no network: bytes, quality and speed of every scheme side by side. */
export function comparisonPage(comparison: Comparison): string {
  const columns = columnsOf(comparison);
  const heads = columns.map(({ head }) => `<th scope="col">${escapeHtml(head)}</th>`).join('');
  const title = `${escapeHtml(comparison.model)}: what quantization costs`;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${title}</title><style>${STYLE}</style></head><body>`,
    `<h1>${title}</h1>`,
    `<main><table><thead><tr><th scope="col">scheme</th>${heads}</tr></thead><tbody>`,
    ...comparison.rows.map((row) => rowHtml(row, columns, comparison.rows)),
    '</tbody></table></main>',
    ...notesOf(comparison).map((note) => `<p>${escapeHtml(note)}</p>`),
    `<p>A bar is a share of its column's greatest value. ± is one standard error.</p>`,
    '</body></html>',
    '',
  ].join('\n');
}

function rowHtml(row: SchemeRow, columns: readonly Column[], rows: readonly SchemeRow[]): string {
  const cells = columns.map((column) => {
    const text = column.write(row) === '' ? '–' : column.write(row);
    return `<td data-head="${escapeHtml(column.head)}">${escapeHtml(text)}${barHtml(row, column, rows)}</td>`;
  });
  return `<tr><th scope="row">${escapeHtml(schemeName(row))}</th>${cells.join('')}</tr>`;
}

function barHtml(row: SchemeRow, { amount }: Column, rows: readonly SchemeRow[]): string {
  const own = amount(row);
  if (own === null) return '';
  const greatest = Math.max(...rows.map((other) => amount(other) ?? 0));
  const share = greatest > 0 ? own / greatest : 0;
  return `<div class="bar" aria-hidden="true"><i style="--share:${share.toFixed(4)}"></i></div>`;
}
