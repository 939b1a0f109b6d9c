import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Fields } from '#halflight/checkpoint/fields.js';
import type { ByteSource } from '#halflight/checkpoint/gguf/byte-reader.js';
import { openGguf } from '#halflight/checkpoint/gguf/checkpoint.js';
import { parseGguf } from '#halflight/checkpoint/gguf/header.js';
import { CheckpointError } from '#halflight/errors.js';
import { loadArchitectures } from '#halflight/model/architectures.js';
import { buildModelConfig } from '#halflight/model/config-parse.js';
import { configRecord, refuseUnusedTensors } from '#halflight/model/gguf-config.js';
import { ggufFamily } from '#halflight/model/gguf-family.js';
import { mutate, quickestMs, seededIntegers } from '../checkpoint/support.js';
import { ggufBytes } from '../support/gguf.js';
import { tinyContent } from '../support/gguf-tiny.js';
import { fixture } from '../support/paths.js';
import { TINY_MODELS } from '../support/tiny.js';

// On a busy machine; alone it takes seconds.
t.setTimeout(280_000);

const architectures = await loadArchitectures();

/** Bytes as a file; beyond them are zeros up to its size. */
function sourceOf(bytes: Uint8Array, size = bytes.length): ByteSource {
  const read = (position: number, length: number) => {
    const out = new Uint8Array(length);
    out.set(bytes.subarray(position, position + length));
    return out;
  };
  return { file: 'm.gguf', size, read };
}

/** All that the header alone decides, as reading a file does before the device is touched. @param size of the whole file */
function readHeader(header: Uint8Array, size: number): void {
  const parsed = parseGguf(sourceOf(header, size));
  const tensors = new Map(parsed.tensors.map((tensor) => [tensor.name, { ...tensor, dtype: tensor.type }]));
  const family = ggufFamily(parsed.metadata, architectures);
  const record = configRecord(parsed, tensors, family, { all: null, short: null, long: null });
  const fields = Fields.from(record, 'm.gguf');
  const config = buildModelConfig(fields, Fields.from({}, 'm.gguf'), [family.architecture]);
  refuseUnusedTensors(tensors, config);
}

t.test(
  '1,000 damaged headers of all families are each read or refused by key or tensor, in under 100 ms',
  async (t) => {
    t.setTimeout(120_000);
    const files = await Promise.all(
      TINY_MODELS.map(async (model) => {
        const { metadata, tensors } = await tinyContent(model);
        const file = ggufBytes(metadata, tensors);
        const dataBytes = tensors.reduce((sum, { data }) => sum + Math.ceil(data.length / 32) * 32, 0);
        return { header: file.subarray(0, -dataBytes), size: file.length };
      }),
    );
    for (const { header, size } of files) t.doesNotThrow(() => readHeader(header, size));
    const integer = seededIntegers(11);
    let refused = 0;
    for (let i = 0; i < 1000; i++) {
      const { header, size } = files[i % files.length];
      const damaged = mutate(header, integer);
      const elapsedMs = await quickestMs(
        async () => readHeader(damaged, size - header.length + damaged.length),
        (error) => {
          if (!(error instanceof CheckpointError && error.field !== '')) t.fail(`mutation ${i}`, { error });
          refused++;
        },
      );
      if (elapsedMs >= 100) t.fail(`mutation ${i} took ${elapsedMs} ms`);
    }
    t.ok(
      refused > 500 && refused < 1000,
      `${refused} of 1,000 refused: the rest damaged nothing that matters`,
    );
  },
);

t.test(
  '1,000 damaged files with a matrix of every type are each read or refused by tensor, in under 100 ms',
  async (t) => {
    t.setTimeout(120_000);
    const intact = new Uint8Array(readFileSync(fixture('gguf/blocks.gguf')));
    const file = join(t.testdir({}), 'm.gguf');
    const integer = seededIntegers(13);
    // What is damaged in the blocks cannot be told: most hits go to the header, which ends with the tensors' list.
    const [first] = parseGguf(sourceOf(intact)).tensors;
    let refused = 0;
    for (let i = 0; i < 1000; i++) {
      const parts =
        i % 4 === 0
          ? [mutate(intact, integer)]
          : [mutate(intact.subarray(0, first.offset), integer), intact.subarray(first.offset)];
      writeFileSync(file, Buffer.concat(parts));
      const elapsedMs = await quickestMs(
        () => readAll(file),
        (error) => {
          if (!(error instanceof CheckpointError && error.field !== '')) t.fail(`mutation ${i}`, { error });
          refused++;
        },
      );
      if (elapsedMs >= 100) t.fail(`mutation ${i} took ${elapsedMs} ms`);
    }
    t.ok(
      refused > 300 && refused < 1000,
      `${refused} of 1,000 refused: the rest damaged values or names alone`,
    );
  },
);

async function readAll(file: string): Promise<void> {
  const checkpoint = await openGguf(file);
  try {
    for (const name of checkpoint.tensors.keys())
      if ((await checkpoint.stored(name)) === null) await checkpoint.read(name);
  } finally {
    await checkpoint.close();
  }
}
