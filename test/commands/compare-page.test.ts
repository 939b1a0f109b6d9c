import t from 'tap';
import { comparisonPage } from '#halflight/commands/compare-page.js';
import { COMPARISON, WITHOUT_TEXT } from '../support/comparison.js';

t.test('the page needs no network and no script', (t) => {
  t.notMatch(comparisonPage(COMPARISON), /https?:|<script|<link|@import|url\(|src=/);
  t.end();
});

t.test('it suits light, dark and narrow screens', (t) => {
  const page = comparisonPage(COMPARISON);
  for (const part of [/prefers-color-scheme: dark/, /name="viewport"/, /@media \(max-width/])
    t.match(page, part);
  t.end();
});

t.test('names are escaped', (t) => {
  const page = comparisonPage(COMPARISON);
  t.match(page, /<h1>a &lt;b&gt; &amp; &quot;c&quot;: what/);
  t.notMatch(page, /<b>/);
  t.end();
});

t.test('bars are shares of a column’s greatest value, and a figure that is missing has none', (t) => {
  const page = comparisonPage(COMPARISON);
  t.match(
    page,
    /<td data-head="on the device">2\.00 MB<div class="bar" aria-hidden="true"><i style="--share:0\.2500">/,
  );
  t.match(page, /<td data-head="KL from full, nats">–<\/td>/);
  t.end();
});

t.test('every cell has a head, and every tag that is opened is closed', (t) => {
  for (const comparison of [COMPARISON, WITHOUT_TEXT]) {
    const page = comparisonPage(comparison);
    t.equal(page.match(/<td /g)?.length, page.match(/<td data-head="[^"]+"/g)?.length);
    for (const tag of ['html', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'div', 'i', 'p', 'h1', 'style'])
      t.equal(
        page.match(new RegExp(`<${tag}[ >]`, 'g'))?.length,
        page.match(new RegExp(`</${tag}>`, 'g'))?.length,
        tag,
      );
  }
  t.end();
});
