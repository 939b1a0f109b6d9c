import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { UNCHANGED_LOGITS } from '#halflight/engine/request.js';
import { createRunner } from '#halflight/engine/runner.js';
import type { LogitsParams, TokenOutput } from '#halflight/engine/types.js';
import { fable } from '../support/models.js';
import { fixture } from '../support/paths.js';

/** By Hugging Face transformers in float32: `test/fixtures/sampling/make.py`. */
interface ReferenceCase {
  readonly promptTokenIds: readonly number[];
  readonly logits: Partial<LogitsParams>;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly {
    readonly logprob: number;
    readonly rank: number;
    readonly top: readonly number[];
    readonly topLogprobs: readonly number[];
  }[];
  readonly promptLogprobs: readonly number[];
}

const CASES = JSON.parse(readFileSync(fixture('sampling/fable.json'), 'utf8')) as readonly ReferenceCase[];
/** Both sides sum in f32, each in its own order: logits differ by 1.4e-5 (references.test.ts), and the reference is rounded to 1e-6. */
const TOLERANCE = 2e-4;

t.setTimeout(280_000);

for (const [kind, options] of [
  ['with steps that overlap', { asyncScheduling: true }],
  ['one step after the other', { asyncScheduling: false }],
  ['with guesses of what follows', { numSpeculativeTokens: 3 }],
] as const) {
  const all = { ...ENGINE_DEFAULTS, modelDir: fable, maxModelLen: 128, ...options };
  const engine = createLocalEngine(await createRunner(all, () => undefined), all);
  t.teardown(() => engine.close());

  t.test(`${kind}, texts under changed logits are those of transformers, all cases at once`, async (t) => {
    const answers = await Promise.all(CASES.map((reference, i) => generate(reference, `r${i}`)));
    for (const [i, outputs] of answers.entries()) compare(t, CASES[i], outputs);
  });

  async function generate({ promptTokenIds, logits }: ReferenceCase, id: string): Promise<TokenOutput[]> {
    const greedy = { maxTokens: 24, temperature: 0, topK: 0, topP: 1, minP: 0, seed: 0n };
    const told = { numLogprobs: 5, numPromptLogprobs: 0, logits: { ...UNCHANGED_LOGITS, ...logits } };
    const sampling = { ...greedy, ...told, ignoreEos: false, stopTokenIds: [] };
    const outputs: TokenOutput[] = [];
    for await (const output of engine.generate({ id, promptTokenIds, sampling })) outputs.push(output);
    return outputs;
  }
}

function compare(t: Test, reference: ReferenceCase, outputs: readonly TokenOutput[]): void {
  const name = JSON.stringify(reference.logits);
  const near = (a: number | undefined, b: number) => a !== undefined && Math.abs(a - b) <= TOLERANCE;
  t.strictSame(
    outputs.map(({ tokenId }) => tokenId),
    reference.tokenIds,
    `${name}: tokens`,
  );
  for (const [i, expected] of reference.logprobs.entries()) {
    const told = outputs[i]?.logprobs;
    t.ok(near(told?.logprob, expected.logprob), `${name}: log-probability of token ${i}`);
    t.equal(told?.rank, expected.rank, `${name}: rank of token ${i}`);
    t.strictSame(
      told?.top.map(({ tokenId }) => tokenId),
      expected.top,
      `${name}: likeliest tokens at ${i}`,
    );
    t.ok(told?.top.every(({ logprob }, k) => near(logprob, expected.topLogprobs[k])));
  }
  const ofPrompt = outputs[0]?.promptLogprobs ?? [];
  t.equal(ofPrompt.length, reference.promptLogprobs.length);
  t.ok(
    ofPrompt.every(({ logprob }, i) => near(logprob, reference.promptLogprobs[i])),
    `${name}: log-probabilities of the prompt`,
  );
}
