// Draws the charts of a report with uPlot. Runs in a browser, inlined into the page beside its data.
(() => {
  const charts = JSON.parse(document.getElementById('data').textContent);
  const place = document.getElementById('charts');
  const HEIGHT = 280;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const seriesColour = (i) => colour(`--s${i % 8}`);
  const text = (value) =>
    value === null || value === undefined ? '–' : Number(value.toPrecision(4)).toLocaleString('en-US');

  /** Series of x values of their own as one table, absent values null; then for each with intervals its bounds. */
  function table({ series }) {
    const xs = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
    const column = ({ points }, pick) => {
      const byX = new Map(points.map(([x, y], i) => [x, pick(y, i)]));
      return xs.map((x) => byX.get(x) ?? null);
    };
    const bounds = series.flatMap((one, i) =>
      one.halfWidths === undefined
        ? []
        : [1, -1].map((sign) => ({
            of: i,
            values: column(one, (y, at) =>
              one.halfWidths[at] === null ? null : y + sign * one.halfWidths[at],
            ),
          })),
    );
    return { data: [xs, ...series.map((one) => column(one, (y) => y))], bounds };
  }

  function scale({ logarithmic }, values) {
    if (logarithmic) return { distr: 3, log: 2, time: false };
    const known = values.filter((value) => value !== null);
    const most = Math.max(...known, 0);
    return { time: false, range: () => [0, most > 0 ? 1.05 * most : 1] };
  }

  function axis({ label }, more = {}) {
    const ink = colour('--dim');
    const line = colour('--line');
    return {
      label,
      labelSize: 20,
      font: '12px system-ui',
      labelFont: '12px system-ui',
      stroke: ink,
      grid: { stroke: line, width: 1 },
      ticks: { stroke: line },
      ...more,
    };
  }

  function plainAxis(chartAxis, more) {
    const values = (_plot, ticks) => ticks.map((tick) => (tick === null ? '' : text(tick)));
    return axis(chartAxis, { values, ...more });
  }

  function drawMarks(plot, { marks, level }) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colour('--dim');
    ctx.fillStyle = colour('--dim');
    ctx.font = `${12 * devicePixelRatio}px system-ui`;
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    for (const { x, label } of marks) {
      const at = plot.valToPos(x, 'x', true);
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
      const fits = at + ctx.measureText(label).width + 6 < bbox.left + bbox.width;
      ctx.textAlign = fits ? 'left' : 'right';
      ctx.fillText(label, at + (fits ? 6 : -6), bbox.top + 14 * devicePixelRatio);
    }
    if (level !== undefined) {
      const at = plot.valToPos(level, 'y', true);
      ctx.moveTo(bbox.left, at);
      ctx.lineTo(bbox.left + bbox.width, at);
    }
    ctx.stroke();
    ctx.restore();
  }

  function options(chart, { data, bounds }, width, legend) {
    const ownY = (right) =>
      [...data.slice(1), ...bounds.map(({ values }) => values)].filter(
        (_, i) =>
          Boolean(chart.series[i < chart.series.length ? i : bounds[i - chart.series.length].of].right) ===
          right,
      );
    const line = ({ name, dots, right }, i) => ({
      label: name,
      stroke: seriesColour(i),
      width: 2,
      spanGaps: true,
      scale: right ? 'right' : 'y',
      points: { show: Boolean(dots), size: 6, fill: seriesColour(i) },
    });
    const bound = ({ of }) => ({
      stroke: 'transparent',
      spanGaps: true,
      points: { show: false },
      scale: 'y',
      of,
    });
    const first = 1 + chart.series.length;
    const bands = bounds
      .map(({ of }, i) => ({ series: [first + i, first + i + 1], fill: `${seriesColour(of)}28` }))
      .filter((_, i) => i % 2 === 0);
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      scales: {
        x: scale(chart.x, data[0]),
        y: scale(chart.y, ownY(false).flat()),
        ...(chart.right === undefined ? {} : { right: scale(chart.right, ownY(true).flat()) }),
      },
      axes: [
        plainAxis(chart.x, chart.x.logarithmic ? { splits: () => data[0] } : {}),
        plainAxis(chart.y, { size: 64 }),
        ...(chart.right === undefined
          ? []
          : [plainAxis(chart.right, { side: 1, scale: 'right', size: 64, grid: { show: false } })]),
      ],
      series: [{}, ...chart.series.map(line), ...bounds.map(bound)],
      bands,
      hooks: {
        draw: [(plot) => drawMarks(plot, chart)],
        setCursor: [(plot) => showValues(chart, data, plot.cursor.idx, legend)],
      },
    };
  }

  function showValues(chart, data, index, legend) {
    const at = index === null || index === undefined ? '' : `${chart.x.label} ${text(data[0][index])}`;
    legend.lastChild.textContent = at;
    chart.series.forEach(({ name }, i) => {
      legend.children[i].textContent = at === '' ? name : `${name} ${text(data[i + 1][index])}`;
    });
  }

  function element(tag, content, parent) {
    const made = document.createElement(tag);
    made.textContent = content;
    parent.append(made);
    return made;
  }

  function legendFor({ series }, figure) {
    const legend = element('div', '', figure);
    legend.className = 'legend';
    series.forEach(({ name }, i) => {
      element('span', name, legend).style.setProperty('--colour', `var(--s${i % 8})`);
    });
    element('b', '', legend);
    return legend;
  }

  function draw(chart) {
    const figure = element('figure', '', place);
    element('h2', chart.title, figure);
    const legend = legendFor(chart, figure);
    const box = element('div', '', figure);
    if (chart.note !== undefined) element('p', chart.note, figure);
    const columns = table(chart);
    const all = [...columns.data, ...columns.bounds.map(({ values }) => values)];
    let plot = null;
    const redraw = () => {
      plot?.destroy();
      plot = new uPlot(options(chart, columns, box.clientWidth, legend), all, box);
    };
    redraw();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
    new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT })).observe(box);
  }

  for (const chart of charts.filter(({ series }) => series.some(({ points }) => points.length > 0)))
    draw(chart);
})();
