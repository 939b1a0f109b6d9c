import { distribution, serverTrace } from '../bench/report/charts.js';
import type { ReportPage } from '../bench/report/page.js';
import { type Measurement, recoverySeconds } from '../bench/serve/measure.js';
import { parseLine, type Values } from '../config.js';
import { UserError } from '../errors.js';
import { checkOutputs, saveReport, saveText } from './load-output.js';
import { findTarget, goodputOf, makePlan, type Offer } from './load-plan.js';
import { measureShown } from './load-run.js';
import { type LoadResult, loadCsv, loadLines, loadResult, loadTables } from './load-table.js';
import { BENCH_SERVE_OPTIONS } from './options.js';

type BenchServeValues = Values<(typeof BENCH_SERVE_OPTIONS)[number]>;

const RECOVERY_TIMEOUT_MS = 60_000;

/** Loads a server that runs already, and prints what it sustained. Resolves with the exit code: 1 where nothing was answered. */
export async function runBenchServe(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, BENCH_SERVE_OPTIONS);
  const goodput = goodputOf(values, positionals, 'bench serve');
  await checkFiles(values);
  const target = await findTarget(values);
  const offer: Offer = {
    numPrompts: values['num-prompts'],
    requestRate: values['request-rate'],
    maxConcurrency: values['max-concurrency'],
  };
  const plan = await makePlan(target, values, offer);
  const measurement = await measureShown('', plan, { goodput, watchServer: values['server-metrics'] });
  const { dataset, seed, burstiness } = values;
  const result: LoadResult = {
    ...loadResult(measurement, target, offer, { dataset, seed, burstiness }),
    ...(values.recovery ? { recovery_seconds: await recoverySeconds(plan, RECOVERY_TIMEOUT_MS) } : {}),
  };
  await writeFiles(result, measurement, values);
  process.stdout.write(`${values.json ? JSON.stringify(result) : loadLines(result).join('\n')}\n`);
  return result.completed > 0 ? 0 : 1;
}

async function checkFiles(values: BenchServeValues): Promise<void> {
  if (values['result-filename'] !== null && !values['save-result'])
    throw new UserError('--result-filename: is for --save-result; give both');
  await checkOutputs({
    '--result-filename': values['result-filename'],
    '--csv': values.csv,
    '--html': values.html,
  });
}

async function writeFiles(
  result: LoadResult,
  measurement: Measurement,
  values: BenchServeValues,
): Promise<void> {
  if (values['save-result']) {
    const name = values['result-filename'] ?? resultName(result);
    await saveText('--result-filename', name, `${JSON.stringify(result)}\n`);
  }
  if (values.csv !== null) await saveText('--csv', values.csv, loadCsv([{ ...result }]));
  if (values.html !== null) await saveReport(values.html, reportOf(result, measurement));
}

function reportOf(result: LoadResult, { times, server }: Measurement): ReportPage {
  const [heading, ...lines] = loadLines(result, []);
  const groups = [{ name: result.model_id, times }];
  return {
    title: `${result.model_id} under load`,
    notes: [heading, ...lines, result.date],
    tables: loadTables(result),
    bars: [],
    charts: [
      distribution('ttft', 'TTFT', groups),
      distribution('itl', 'ITL', groups),
      ...(server === null ? [] : [serverTrace(server.samples)]),
    ],
  };
}

/** As vLLM names it. */
function resultName({ backend, request_rate, model_id, date }: LoadResult): string {
  const time = date.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  return `${backend}-${request_rate}qps-${model_id.split('/').at(-1)}-${time}.json`;
}
