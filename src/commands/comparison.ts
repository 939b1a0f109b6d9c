import type { Divergence } from '../calibrate/divergence.js';
import type { Perplexity } from '../calibrate/perplexity.js';
import type { ProtocolName } from '../calibrate/protocols.js';
import { klText, perplexityEstimate, withError } from './eval-report.js';
import { formatBytes } from './format.js';

/** What a model is loaded as: `full` as it is stored, else rounded to a format. */
export interface SchemeRow {
  readonly scheme: string;
  /** Of the layers’ matrices on the device. */
  readonly weightFormat: string;
  readonly weightBytes: number;
  /** Tokens per second of one request, medians. */
  readonly prefillThroughput: number;
  readonly decodeThroughput: number;
  /** Null where no text was given. */
  readonly perplexity: Perplexity | null;
  /** From the model as it is stored; null for that itself, and where no text was given. */
  readonly divergence: Divergence | null;
}

export interface Comparison {
  readonly model: string;
  readonly adapter: string;
  /** ISO 8601. */
  readonly date: string;
  readonly text: {
    readonly file: string;
    readonly protocol: ProtocolName;
    readonly window: number;
    readonly numScored: number;
  } | null;
  readonly inputLen: number;
  readonly outputLen: number;
  readonly repeats: number;
  readonly rows: readonly SchemeRow[];
}

/** A figure of each scheme: how it is headed and written, and the number that its bar shows. */
export interface Column {
  readonly head: string;
  readonly write: (row: SchemeRow) => string;
  /** Null where a scheme has no such figure. */
  readonly amount: (row: SchemeRow) => number | null;
}

const SPEED_COLUMNS: readonly Column[] = [
  {
    head: 'prefill tok/s',
    write: ({ prefillThroughput }) => prefillThroughput.toFixed(1),
    amount: ({ prefillThroughput }) => prefillThroughput,
  },
  {
    head: 'decode tok/s',
    write: ({ decodeThroughput }) => decodeThroughput.toFixed(1),
    amount: ({ decodeThroughput }) => decodeThroughput,
  },
];

const WEIGHT_COLUMN: Column = {
  head: 'on the device',
  write: ({ weightBytes }) => formatBytes(weightBytes),
  amount: ({ weightBytes }) => weightBytes,
};

const TEXT_COLUMNS: readonly Column[] = [
  {
    head: 'perplexity',
    write: ({ perplexity }) => (perplexity === null ? '' : withError(perplexityEstimate(perplexity), 4)),
    // Of schemes that are worth a look it differs by less than a bar shows.
    amount: () => null,
  },
  {
    head: 'ratio to full',
    write: ({ divergence }) => (divergence === null ? '' : withError(divergence.perplexityRatio, 5)),
    amount: () => null,
  },
  {
    head: 'KL from full, nats',
    write: ({ divergence }) => (divergence === null ? '' : klText(divergence.kl)),
    amount: ({ divergence }) => divergence?.kl.mean ?? null,
  },
  {
    head: 'same token',
    write: ({ divergence }) =>
      divergence === null ? '' : `${(100 * divergence.topAgreement.mean).toFixed(2)}%`,
    amount: () => null,
  },
];

export function columnsOf({ text }: Comparison): readonly Column[] {
  return [WEIGHT_COLUMN, ...(text === null ? [] : TEXT_COLUMNS), ...SPEED_COLUMNS];
}

export function schemeName({ scheme, weightFormat }: SchemeRow): string {
  return scheme === 'full' ? `full (${weightFormat})` : scheme;
}

/** What was measured how, for below a table. */
export function notesOf(comparison: Comparison): readonly string[] {
  const { adapter, date, text, inputLen, outputLen, repeats } = comparison;
  const speed = `speed of one request, ${inputLen} tokens in and ${outputLen} out, medians of ${repeats}`;
  const read =
    text === null
      ? []
      : [
          `${text.file}: protocol ${text.protocol}, windows of ${text.window}, ${text.numScored} tokens scored; figures of other protocols do not compare`,
        ];
  return [...read, `${speed}; ${adapter}, ${date.slice(0, 10)}`];
}
