import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openGguf } from '#halflight/checkpoint/gguf/checkpoint.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { CheckpointError } from '#halflight/errors.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { loadChatTemplate } from '#halflight/text/chat-template.js';
import { loadTokenizer } from '#halflight/text/tokenizer.js';
import { mutate, quickestMs, seededIntegers } from '../checkpoint/support.js';
import { firstDifference } from '../support/compare.js';
import { ggufParts, smallGguf } from '../support/gguf.js';
import { tinyContent, tinyGguf } from '../support/gguf-tiny.js';
import { fixture } from '../support/paths.js';
import { referenceRuns, TINY_MODELS, type TinyModel, tinyDir, tinyOptions } from '../support/tiny.js';

// On a busy machine; alone it takes seconds.
t.setTimeout(280_000);

/** The reference sums in f32, the CPU in f64: 1.4e-5 was measured for the same weights from safetensors. */
const TOLERANCE = { absolute: 2e-4, relative: 2e-4 };

for (const name of TINY_MODELS) {
  t.test(`${name} from a GGUF file gives the reference's logits`, async (t) => {
    t.setTimeout(120_000);
    const modelDir = join(t.testdir({}), 'm.gguf');
    await writeFile(modelDir, await tinyGguf(name));
    const options = tinyOptions(name, { modelDir, device: 'cpu', computeType: 'float32' });
    const model = await createLogitsModel(options, () => undefined);
    const [{ promptTokenIds, logits }] = await referenceRuns(referencesOf(name));
    const got = (await model.logits(promptTokenIds)).slice(-logits.length);
    t.equal(firstDifference(got, logits, TOLERANCE), null);
    model.destroy();
  });
}

/**
 * Where the reference of a file is: no key says which layers of SmolLM3 rotate, nor that Qwen3-MoE's weights of experts do not sum to 1, so
 * that as GGUF files they are other models.
 */
function referencesOf(name: TinyModel): string {
  const isOther = name === 'smollm3' || name === 'qwen3_moe';
  return isOther ? fixture(`gguf/${name}.safetensors`) : join(tinyDir(name), 'reference.safetensors');
}

t.test('a model in three parts is read as the whole', async (t) => {
  t.setTimeout(120_000);
  const dir = t.testdir({});
  const { metadata, tensors } = await tinyContent('qwen2');
  const parts = ggufParts(metadata, tensors, Math.ceil(tensors.length / 3));
  for (const [i, part] of parts.entries()) await writeFile(join(dir, `m-0000${i + 1}-of-00003.gguf`), part);
  const modelDir = join(dir, 'm-00001-of-00003.gguf');
  const options = tinyOptions('qwen2', { modelDir, device: 'cpu', computeType: 'float32' });
  const model = await createLogitsModel(options, () => undefined);
  const [{ promptTokenIds, logits }] = await referenceRuns(tinyDir('qwen2'));
  const got = (await model.logits(promptTokenIds)).slice(-logits.length);
  t.equal(firstDifference(got, logits, TOLERANCE), null);
  model.destroy();
});

t.test('1,000 damaged files are each read or refused by file and field, in under 100 ms', async (t) => {
  t.setTimeout(120_000);
  const file = join(t.testdir({}), 'm.gguf');
  const { bytes: intact, dataBytes } = smallGguf();
  const header = intact.subarray(0, -dataBytes);
  const integer = seededIntegers(20);
  let refused = 0;
  for (let i = 0; i < 1000; i++) {
    // Damage to the weights themselves cannot be told: three times of four the header is hit.
    const parts =
      i % 4 === 0 ? [mutate(intact, integer)] : [mutate(header, integer), intact.subarray(-dataBytes)];
    await writeFile(file, Buffer.concat(parts));
    const elapsedMs = await quickestMs(
      () => readAll(file),
      (error) => {
        const isTyped = error instanceof CheckpointError && error.file === file && error.field !== '';
        if (!isTyped) t.fail(`mutation ${i}`, { error });
        refused++;
      },
    );
    if (elapsedMs >= 100) t.fail(`mutation ${i} took ${elapsedMs} ms`);
  }
  t.ok(refused > 500 && refused < 1000, `${refused} of 1,000 refused: the rest damaged nothing that matters`);
});

/** All that is read before memory is allocated on a device. */
async function readAll(file: string): Promise<void> {
  await parseModelConfig(file);
  loadTokenizer(file);
  loadChatTemplate(file);
  const checkpoint = await openGguf(file);
  try {
    for (const name of checkpoint.tensors.keys()) await checkpoint.read(name);
  } finally {
    await checkpoint.close();
  }
}
