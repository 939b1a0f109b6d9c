import t from 'tap';
import { readAssets } from '#halflight/bench/report/assets.js';

t.test('pages take uPlot along, with its licence, and a script and style', async (t) => {
  const { libraryScript, libraryStyle, libraryLicence, script, style } = await readAssets();
  t.match(libraryScript, /uPlot/);
  t.match(libraryStyle, /\.uplot/);
  t.match(libraryLicence, /MIT/);
  t.match(script, /new uPlot/);
  t.match(style, /prefers-color-scheme: dark/);
  for (const text of [libraryScript, script]) t.notMatch(text, /<\/script/);
});
