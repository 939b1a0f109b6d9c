import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { partsSource } from '#halflight/model/gguf-part.js';
import { writableTiny, writtenModel } from '../support/gguf-written.js';
import { fixture } from '../support/paths.js';
import { TINY_MODELS, type TinyModel } from '../support/tiny.js';

// On a busy machine; alone it takes seconds.
t.setTimeout(120_000);

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
/** Of Mistral the converter forgets the window; of phi3 it writes the first training's length where nothing reads it. */
const DIFFERENT: Partial<Readonly<Record<TinyModel, object>>> = {
  mistral: { 'llama.attention.sliding_window': 24 },
  phi3: { 'phi3.rope.scaling.original_context_length': undefined },
};

for (const model of TINY_MODELS) {
  t.test(
    `${model} is written as llama.cpp's converter writes it: keys, tensors and every byte of them`,
    async (t) => {
      const { keys, parts } = await writtenModel(t, await writableTiny(t, model));
      const { architecture, keys: expected, tensors } = CONVERTED[model];
      const own = Object.keys(keys).filter((key) => key.startsWith(`${architecture}.`));
      const merged = { ...expected, ...DIFFERENT[model] };
      t.equal(keys['general.architecture'], architecture);
      t.same(
        Object.fromEntries(own.map((key) => [key, keys[key]])),
        Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)),
      );
      const source = partsSource(parts);
      const found: [string, unknown][] = [];
      for (const { name } of parts) {
        const { info, data } = await source.read(name);
        const hash = createHash('sha256').update(data).digest('hex');
        found.push([name, [info.dtype, info.shape.toReversed(), hash.slice(0, 16)]]);
      }
      t.same(Object.fromEntries(found), tensors);
    },
  );
}
