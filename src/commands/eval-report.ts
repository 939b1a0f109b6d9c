import type { ChoiceReport } from '../calibrate/choices.js';
import type { Divergence } from '../calibrate/divergence.js';
import type { Perplexity } from '../calibrate/perplexity.js';
import type { Estimate } from '../calibrate/statistics.js';
import { formatCount } from './format.js';

export function perplexityLine(result: Perplexity, numTokens: number): string {
  return `perplexity ${withError(perplexityEstimate(result), 4)} ${scored(result, numTokens)}`;
}

export function divergenceLines(result: Divergence, numTokens: number): readonly string[] {
  const { model, reference, perplexityRatio, logLikelihoodDifference, kl, topAgreement } = result;
  const spread = `median ${kl.median.toFixed(6)}, 99% ${kl.p99.toFixed(6)}, greatest ${kl.max.toFixed(6)}`;
  return [
    `perplexity            ${withError(perplexityEstimate(model), 4)} ${scored(model, numTokens)}`,
    `  of the reference    ${withError(perplexityEstimate(reference), 4)}`,
    `  ratio               ${withError(perplexityRatio, 5)}`,
    `log-likelihood        ${withError(logLikelihoodDifference, 6)} nats a token against the reference`,
    `KL divergence         ${klText(kl)} nats; ${spread}`,
    `same likeliest token  ${percentWithError(topAgreement)}`,
  ];
}

export function choiceLines(report: ChoiceReport): readonly string[] {
  const { numQuestions, accuracy, accuracyByBytes, accuracyByTokens } = report;
  return [
    `${formatCount(numQuestions)} questions`,
    `accuracy              ${percentWithError(accuracy)}`,
    `  by bytes            ${percentWithError(accuracyByBytes)}`,
    `  by tokens           ${percentWithError(accuracyByTokens)}`,
  ];
}

export function perplexityEstimate({ perplexity, perplexityError }: Perplexity): Estimate {
  return { mean: perplexity, standardError: perplexityError };
}

/** A mean and its standard error; the error alone is left out where one value has none. */
export function withError({ mean, standardError }: Estimate, digits: number): string {
  const error = Number.isFinite(standardError) ? ` ± ${standardError.toFixed(digits)}` : '';
  return `${mean.toFixed(digits)}${error}`;
}

/** A divergence, nats, with two digits of its error that are not 0: what good formats cost is tiny. */
export function klText(kl: Estimate): string {
  const digits = kl.standardError > 0 ? 1 - Math.floor(Math.log10(kl.standardError)) : 0;
  return withError(kl, Math.min(Math.max(digits, 6), 12));
}

/** A share of 1 in percent. */
export function percentWithError({ mean, standardError }: Estimate): string {
  return `${withError({ mean: 100 * mean, standardError: 100 * standardError }, 2)} %`;
}

function scored({ numScored }: Perplexity, numTokens: number): string {
  return `(${numScored} of ${numTokens} tokens scored)`;
}
