import t from 'tap';
import { createLocalEngine } from '#halflight/engine/local.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '#halflight/engine/options.js';
import { createRunner } from '#halflight/engine/runner.js';
import { fable } from '../support/models.js';
import { tinyDir } from '../support/tiny.js';

// The first compilation of all kernels takes a software adapter half a minute or more.
t.setTimeout(200_000);

const PROMPT = Array.from({ length: 70 }, (_, i) => (i * 37 + 11) % 500);

function options(changes: Partial<EngineOptions>): EngineOptions {
  return { ...ENGINE_DEFAULTS, modelDir: fable, maxModelLen: 128, maxNumSeqs: 4, ...changes };
}

async function logits(changes: Partial<EngineOptions>) {
  const notes: string[] = [];
  const model = await createLogitsModel(options(changes), ({ note }) => {
    if (note !== undefined) notes.push(note);
  });
  const values = await model.logits(PROMPT);
  model.destroy();
  return { bytes: Buffer.from(values.buffer), notes };
}

async function greedy(changes: Partial<EngineOptions>): Promise<readonly number[]> {
  const engine = createLocalEngine(await createRunner(options(changes), () => undefined), options(changes));
  const sampling = {
    maxTokens: 24,
    temperature: 0,
    topK: 0,
    topP: 1,
    minP: 0,
    seed: 1n,
    ignoreEos: true,
    stopTokenIds: [],
  };
  const texts = await Promise.all(
    [0, 1, 2].map(async (i) => {
      const ids: number[] = [];
      const request = { id: String(i), promptTokenIds: PROMPT.slice(0, 20 + i), sampling };
      for await (const { tokenId } of engine.generate(request)) ids.push(tokenId);
      return ids;
    }),
  );
  await engine.close();
  return texts.flat();
}

t.test('logits are the same to the byte, whatever lies in host memory', async (t) => {
  for (const quantization of [null, 'int4']) {
    const { bytes: resident, notes } = await logits({ quantization });
    t.strictSame(notes, []);
    for (const offloadLayers of [3, 4]) {
      const offloaded = await logits({ quantization, offloadLayers });
      t.ok(offloaded.bytes.equals(resident), `${offloadLayers} layers, ${quantization}`);
      t.match(offloaded.notes, [
        new RegExp(`^offload: ${offloadLayers} layers in host memory; every step copies 0\\.00`),
      ]);
    }
  }
});

t.test('experts in host memory give the same logits', async (t) => {
  const options = { modelDir: tinyDir('qwen3_moe'), quantization: 'int4' };
  const { bytes } = await logits(options);
  t.ok((await logits({ ...options, offloadLayers: 3 })).bytes.equals(bytes));
});

t.test('steps that overlap give the same greedy texts', async (t) => {
  t.strictSame(await greedy({ offloadLayers: 4 }), await greedy({}));
});
