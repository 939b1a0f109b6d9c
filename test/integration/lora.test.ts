import t from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { createLocalEngine } from '#halflight/engine/local.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { GREEDY } from '#halflight/engine/request.js';
import { createRunner } from '#halflight/engine/runner.js';
import type { Engine } from '#halflight/engine/types.js';
import { firstDifference } from '../support/compare.js';
import { fixture } from '../support/paths.js';
import { TOLERANCES } from '../support/references.js';
import { tinyOptions } from '../support/tiny.js';

/** Families with a norm before, biases, a norm behind, and matrices that lie the other way. */
const ADAPTERS = { llama: ['one', 'two'], qwen2: ['one'], gemma2: ['one'], gpt2: ['one'] } as const;
type Family = keyof typeof ADAPTERS;
const PROMPTS = [0, 1];

const optionsOf = (family: Family) =>
  tinyOptions(family, {
    computeType: 'float32',
    adapters: ADAPTERS[family].map((name) => fixture(`lora/${family}/${name}`)),
  });

async function reference(family: Family) {
  const file = await openSafetensors(fixture(`lora/${family}/reference.safetensors`));
  const ids = async (i: number) =>
    Array.from(new BigInt64Array((await file.read(`input_ids_${i}`)).data.buffer), Number);
  const logits = (adapter: string, i: number) => file.readF32(`logits_${adapter}_${i}`);
  return { ids, logits, close: () => file.close() };
}

for (const family of Object.keys(ADAPTERS) as Family[]) {
  t.test(`${family} with each adapter has the logits of the model that it is merged into`, async (t) => {
    t.setTimeout(280_000);
    const { ids, logits, close } = await reference(family);
    const model = await createLogitsModel(optionsOf(family), () => undefined);
    for (const [number, name] of ['none', ...ADAPTERS[family]].entries()) {
      for (const i of PROMPTS) {
        const expected = await logits(name, i);
        const got = (await model.logits(await ids(i), number)).slice(-expected.length);
        t.equal(firstDifference(got, expected, TOLERANCES.float32), null, `${name}, prompt ${i}`);
      }
    }
    model.destroy();
    await close();
  });
}

async function textOf(engine: Engine, promptTokenIds: readonly number[], adapter: number): Promise<string> {
  const sampling = { ...GREEDY, maxTokens: 12 };
  const tokenIds: number[] = [];
  const request = { id: `${adapter} ${promptTokenIds.length}`, promptTokenIds, sampling };
  for await (const { tokenId } of engine.generate(adapter === 0 ? request : { ...request, adapter }))
    tokenIds.push(tokenId);
  return tokenIds.join();
}

t.test(
  'several adapters in one batch write what each writes alone, and share no cached prefix',
  async (t) => {
    t.setTimeout(280_000);
    const { ids, close } = await reference('llama');
    const options = { ...optionsOf('llama'), batchInvariant: true };
    const engine = createLocalEngine(await createRunner(options, () => undefined), options);
    const jobs = [0, 1, 2].flatMap((adapter) => PROMPTS.map((i) => ({ adapter, i })));
    const alone: string[] = [];
    for (const { adapter, i } of jobs) alone.push(await textOf(engine, await ids(i), adapter));
    const together = await Promise.all(
      jobs.map(async ({ adapter, i }) => textOf(engine, await ids(i), adapter)),
    );
    t.strictSame(together, alone);
    t.equal(new Set(alone).size, jobs.length, 'each adapter writes something else');
    await engine.close();
    await close();
  },
);
