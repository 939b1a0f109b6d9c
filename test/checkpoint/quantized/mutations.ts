import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
import { CheckpointError } from '#halflight/errors.js';
import { mutate, quickestMs, seededIntegers } from '../support.js';
import { readEverything, writeCheckpoint } from './packers.js';

/** Damages config.json or the weights 1,000 times: each is read, or refused with file and field, in less than 100 ms. */
export async function survivesMutations(
  t: Test,
  quantization: object,
  tensors: readonly TensorData[],
): Promise<void> {
  const dir = t.testdir({});
  await writeCheckpoint(dir, quantization, tensors);
  const files = ['config.json', 'model.safetensors'].map((name) => join(dir, name));
  const intact = await Promise.all(files.map(async (file) => new Uint8Array(await readFile(file))));
  const integer = seededIntegers(7);
  const refusals = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const damaged = i % 2;
    await writeFile(files[damaged], mutate(intact[damaged], integer));
    const elapsedMs = await quickestMs(
      () => readEverything(dir),
      (error) => {
        if (!(error instanceof CheckpointError && error.field !== '')) t.fail(`mutation ${i}`, { error });
        refusals.add(i);
      },
    );
    if (elapsedMs >= 100) t.fail(`mutation ${i} took ${elapsedMs} ms`);
    await writeFile(files[damaged], intact[damaged]);
  }
  const { size } = refusals;
  t.ok(
    size > 300 && size < 1000,
    `${size} of 1,000 refused: the rest damaged values or nothing that matters`,
  );
}
