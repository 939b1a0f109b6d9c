import { sweepCharts } from '../bench/report/charts.js';
import type { ReportPage, Table } from '../bench/report/page.js';
import type { Target } from '../bench/serve/types.js';
import { knee } from '../bench/sweep/knee.js';
import { countFor, doublings, runSweep, type Sweep, type SweptLevel } from '../bench/sweep/sweep.js';
import { parseLine, type Values } from '../config.js';
import { UserError } from '../errors.js';
import { formatTable } from './format.js';
import { checkOutputs, saveReport, saveText } from './load-output.js';
import { findTarget, goodputOf, makePlan, type Offer } from './load-plan.js';
import { measureShown } from './load-run.js';
import { loadCsv } from './load-table.js';
import { BENCH_SWEEP_OPTIONS } from './options.js';

type SweepValues = Values<(typeof BENCH_SWEEP_OPTIONS)[number]>;

const DEFAULT_MAX_CONCURRENCY = 256;

/** Loads a server more and more, and prints each level and the knee. Resolves with the exit code. */
export async function runBenchSweep(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, BENCH_SWEEP_OPTIONS);
  const goodput = goodputOf(values, positionals, 'bench sweep');
  const { kind, loads } = loadsOf(values);
  await checkOutputs({ '--csv': values.csv, '--html': values.html });
  const target = await findTarget(values);
  const sweep = await runSweep(kind, loads, async (load) => {
    const offer = offerOf(kind, load, values);
    // Prompts of its own for each level, so that none is known from the one before.
    const plan = await makePlan(target, { ...values, seed: values.seed + load }, offer);
    const label = kind === 'rate' ? `${load}/s: ` : `${load} at once: `;
    const measurement = await measureShown(label, plan, { goodput, watchServer: false });
    return { measurement, count: offer.numPrompts };
  });
  await print(sweep, target, values);
  return sweep.levels.some(({ measurement }) => measurement.summary.completed > 0) ? 0 : 1;
}

/** Throws UserError where rates do not rise. */
function loadsOf(values: SweepValues): { readonly kind: Sweep['kind']; readonly loads: readonly number[] } {
  const rates = values['request-rates'];
  if (rates === null)
    return { kind: 'concurrency', loads: doublings(values['max-concurrency'] ?? DEFAULT_MAX_CONCURRENCY) };
  if (rates.some((rate, i) => i > 0 && rate <= rates[i - 1]))
    throw new UserError(`--request-rates: ${rates.join(',')} does not rise; write the smallest first`);
  return { kind: 'rate', loads: rates };
}

function offerOf(kind: Sweep['kind'], load: number, values: SweepValues): Offer {
  if (kind === 'rate')
    return {
      numPrompts: values['num-prompts'],
      requestRate: load,
      maxConcurrency: values['max-concurrency'],
    };
  return {
    numPrompts: countFor(load, values['num-rounds']),
    requestRate: Number.POSITIVE_INFINITY,
    maxConcurrency: load,
  };
}

async function print(sweep: Sweep, target: Target, values: SweepValues): Promise<void> {
  const best = kneeOf(sweep);
  const results = sweep.levels.map((level) => levelResult(level, level === best));
  const table = sweepTable(sweep, best);
  const notes = [`${target.model} at ${target.baseUrl} (${target.backend})`, endText(sweep)];
  if (values.csv !== null) await saveText('--csv', values.csv, loadCsv(results));
  if (values.html !== null)
    await saveReport(values.html, pageOf(target.model, notes, table, sweepCharts(sweep, best?.load ?? null)));
  const json = { model: target.model, kind: sweep.kind, knee: best?.load ?? null, stopped: sweep.stopped };
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ ...json, levels: results })}\n`
      : `${[notes[0], ...formatTable([table.heads, ...table.rows]), notes[1]].join('\n')}\n`,
  );
}

/** A level of rates or with failures that ended the sweep was too much. */
function kneeOf({ kind, levels, stopped }: Sweep): SweptLevel | null {
  const isTooMuch = ({ measurement }: SweptLevel) => kind === 'rate' || measurement.summary.failed > 0;
  const borne = levels.filter((level, i) => stopped === null || i < levels.length - 1 || !isTooMuch(level));
  return knee(borne.filter(({ latencyMs }) => Number.isFinite(latencyMs)));
}

function levelResult({ load, measurement }: SweptLevel, isKnee: boolean) {
  return { load, knee: isKnee, ...measurement.summary, ...measurement.client };
}

function endText({ stopped }: Sweep): string {
  return stopped === null ? 'not saturated by the last load' : `stopped: ${stopped}`;
}

function pageOf(
  model: string,
  notes: readonly string[],
  table: Table,
  charts: ReportPage['charts'],
): ReportPage {
  return {
    title: `${model} under more and more load`,
    notes: [...notes, new Date().toISOString()],
    tables: [table],
    bars: [],
    charts,
  };
}

function sweepTable({ kind, levels }: Sweep, best: SweptLevel | null): Table {
  const ms = (value: number | null) => (value === null ? '–' : value.toFixed(1));
  const rows = levels.map((level) => {
    const { summary } = level.measurement;
    return [
      String(level.load),
      summary.output_throughput.toFixed(1),
      summary.request_throughput.toFixed(2),
      summary.request_goodput?.toFixed(2) ?? '',
      ms(summary.median_ttft_ms),
      ms(summary.p99_ttft_ms),
      ms(summary.median_itl_ms),
      ms(summary.p99_itl_ms),
      ms(summary.median_e2el_ms),
      String(summary.failed),
      level === best ? 'knee' : '',
    ];
  });
  const heads = [
    kind === 'rate' ? 'requests/s' : 'at once',
    'tokens/s',
    'answers/s',
    'goodput/s',
    'TTFT ms',
    'TTFT p99',
    'ITL ms',
    'ITL p99',
    'E2E ms',
    'failed',
    '',
  ];
  return { title: 'Levels', heads, rows, note: 'The knee has the most throughput for its latency.' };
}
