import t from 'tap';
import { type ReportPage, reportHtml } from '#halflight/bench/report/page.js';

const ASSETS = {
  libraryScript: 'LIB',
  libraryStyle: 'LIBSTYLE',
  libraryLicence: 'MIT -- LICENCE',
  script: 'SCRIPT',
  style: 'STYLE',
};
const PAGE: ReportPage = {
  title: 'a <b> & c',
  notes: ['note "one"'],
  tables: [{ title: 'T', heads: ['name', 'x'], rows: [['<r>', '1 ± 2']], note: 'below' }],
  bars: [
    {
      title: 'B',
      rows: [
        {
          name: 'one',
          parts: [
            { name: 'p', amount: 3 },
            { name: 'q', amount: 1 },
          ],
          text: '4',
        },
        {
          name: 'two',
          parts: [
            { name: 'p', amount: 1 },
            { name: 'q', amount: 1 },
          ],
          text: '2',
        },
      ],
    },
  ],
  charts: [
    {
      title: '</script><script>',
      x: { label: 'x' },
      y: { label: 'y' },
      series: [{ name: 's', points: [[1, 2]] }],
      marks: [],
    },
  ],
};
const html = reportHtml(PAGE, ASSETS);

t.test('a page holds all that it needs, and asks nothing of the network', (t) => {
  for (const part of ['LIB', 'LIBSTYLE', 'SCRIPT', 'STYLE', 'MIT - - LICENCE']) t.match(html, part);
  t.notMatch(html, /(src|href)=|https?:/);
  t.end();
});

t.test('text and data cannot end what they stand in', (t) => {
  t.match(html, /<title>a &lt;b&gt; &amp; c<\/title>/);
  t.match(html, 'note &quot;one&quot;');
  t.equal(html.split('</script>').length, 4, 'three scripts end, and no more');
  const [, data = ''] = /id="data">(.*?)<\/script>/.exec(html) ?? [];
  t.same(JSON.parse(data), PAGE.charts);
  t.end();
});

t.test('cells tell their column, and bars their share of the longest', (t) => {
  t.match(html, '<th scope="row">&lt;r&gt;</th><td data-head="x">1 ± 2</td>');
  t.match(html, '--share:0.7500');
  t.match(html, '--share:0.2500');
  t.match(html, '<p>below</p>');
  t.end();
});
