import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readGgufHeader } from '#halflight/checkpoint/gguf/header.js';
import { tinyGguf } from '../support/gguf-tiny.js';
import { fixture } from '../support/paths.js';
import { TINY_MODELS } from '../support/tiny.js';

interface Converted {
  readonly architecture: string;
  readonly keys: Readonly<Record<string, unknown>>;
  /** Type, sizes innermost first, start of the SHA-256 of the data. */
  readonly tensors: Readonly<Record<string, readonly [string, readonly number[], string]>>;
}

const CONVERTED = JSON.parse(readFileSync(fixture('gguf/converted.json'), 'utf8')) as Record<
  string,
  Converted
>;

// The tests' files stand for those that users have: they must be what llama.cpp's own converter writes.
for (const model of TINY_MODELS) {
  t.test(
    `the file that tests take for ${model} is the converter's: keys, tensors and every byte of them`,
    async (t) => {
      const file = join(t.testdir({}), 'm.gguf');
      const bytes = await tinyGguf(model);
      writeFileSync(file, bytes);
      const { metadata, tensors } = readGgufHeader(file);
      const { architecture, keys, tensors: expected } = CONVERTED[model];
      const own = metadata.keys().filter((key) => key.startsWith(`${architecture}.`));
      const window = model === 'mistral' ? { 'llama.attention.sliding_window': 24 } : {};
      t.equal(metadata.string('general.architecture'), architecture);
      t.same(Object.fromEntries(own.map((key) => [key, metadata.raw(key)])), { ...keys, ...window });
      const found = tensors.map(({ name, type, shape, offset, bytes: length }) => {
        const hash = createHash('sha256')
          .update(bytes.subarray(offset, offset + length))
          .digest('hex');
        return [name, [type, shape.toReversed(), hash.slice(0, 16)]];
      });
      t.same(Object.fromEntries(found), expected);
    },
  );
}
