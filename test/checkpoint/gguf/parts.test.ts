import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openGguf } from '#halflight/checkpoint/gguf/checkpoint.js';
import { ggufName, readGgufModel } from '#halflight/checkpoint/gguf/parts.js';
import { CheckpointError } from '#halflight/errors.js';
import {
  type GgufTensorData,
  type GgufValue,
  ggufBytes,
  ggufParts,
  string,
  u16,
} from '../../support/gguf.js';
import { mutate, quickestMs, seededIntegers } from '../support.js';

const METADATA: Readonly<Record<string, GgufValue>> = { 'general.architecture': string('qwen2') };
const TENSORS: readonly GgufTensorData[] = [1, 2, 3, 4, 5].map((value) => ({
  name: `t${value}`,
  type: 'F32',
  dims: [8],
  data: new Uint8Array(Float32Array.from({ length: 8 }, () => value).buffer),
}));

/** Files of the parts. @param bytes of each */
function writeParts(t: Test, bytes: readonly Uint8Array[] = ggufParts(METADATA, TENSORS, 2)): string[] {
  const dir = t.testdir({});
  return bytes.map((part, i) => {
    const file = join(dir, `m-0000${i + 1}-of-0000${bytes.length}.gguf`);
    writeFileSync(file, part);
    return file;
  });
}

function refuses(t: Test, file: string, message: RegExp): void {
  t.throws(() => readGgufModel(file), { name: 'CheckpointError', message });
}

t.test('the tensors of all parts are one model’s, each read from its own file', async (t) => {
  const [first] = writeParts(t);
  const checkpoint = await openGguf(first);
  t.strictSame([...checkpoint.tensors.keys()], ['t1', 't2', 't3', 't4', 't5']);
  for (let value = 1; value <= 5; value++)
    t.strictSame(await checkpoint.readF32(`t${value}`), new Float32Array(8).fill(value));
  await checkpoint.close();
});

t.test('the first part may hold no tensor, and a file that is its only part is like any', (t) => {
  const [head, ...rest] = ggufParts(METADATA, TENSORS, 5);
  t.equal(rest.length, 0);
  const [alone] = writeParts(t, [head]);
  t.equal(readGgufModel(alone).tensors.length, 5);
  t.end();
});

t.test('a part that is missing is refused by its name', (t) => {
  const [first, second] = writeParts(t);
  rmSync(second);
  refuses(t, first, /m-00002-of-00003\.gguf: file: no such file/);
  t.end();
});

t.test('a part other than the first is refused with the first one’s name', (t) => {
  const [, second] = writeParts(t);
  refuses(
    t,
    second,
    /m-00002-of-00003\.gguf: split\.no: part 2 of 3; name the first, m-00001-of-00003\.gguf/,
  );
  t.end();
});

t.test('a first part under another name is refused', (t) => {
  const [part] = ggufParts(METADATA, TENSORS, 2);
  const file = join(t.testdir({}), 'renamed.gguf');
  writeFileSync(file, part);
  refuses(t, file, /renamed\.gguf: split\.count: the first of 3 parts must be named …-00001-of-00003\.gguf/);
  t.end();
});

t.test('a part of another file, or in another place, is refused by its name', (t) => {
  const [one, two, three] = ggufParts(METADATA, TENSORS, 2);
  const [swapped] = writeParts(t, [one, three, two]);
  refuses(
    t,
    swapped,
    /m-00002-of-00003\.gguf: split\.no: 2, but as a part of m-00001-of-00003\.gguf it must be 1/,
  );
  const [, other] = ggufParts(METADATA, TENSORS, 3);
  const [mixed] = writeParts(t, [one, other, three]);
  refuses(t, mixed, /m-00002-of-00003\.gguf: split\.count: 2, but as a part of .* it must be 3/);
  const [plain] = writeParts(t, [one, ggufBytes(METADATA, TENSORS), three]);
  refuses(t, plain, /m-00002-of-00003\.gguf: split\.no: missing/);
  t.end();
});

t.test('tensors that are too few, or in two parts, are refused', (t) => {
  const [one, , three] = ggufParts(METADATA, TENSORS, 2);
  const split = { 'split.no': u16(1), 'split.count': u16(3) };
  const [few] = writeParts(t, [one, ggufBytes(split, TENSORS.slice(2, 3)), three]);
  refuses(t, few, /m-00001-of-00003\.gguf: split\.tensors\.count: 5, but the parts hold 4/);
  const [twice] = writeParts(t, [one, ggufBytes(split, TENSORS.slice(1, 3)), three]);
  refuses(t, twice, /m-00002-of-00003\.gguf: t2: is in another part too/);
  t.end();
});

t.test('the name of a model is its file’s, without the number of the part', (t) => {
  t.equal(ggufName('/a/b/m-Q4_0.gguf'), 'm-Q4_0');
  t.equal(ggufName('m-Q4_0-00001-of-00012.gguf'), 'm-Q4_0');
  t.equal(ggufName('M.GGUF'), 'M');
  t.end();
});

t.test('1,000 damaged parts are each read or refused by file and field, in under 100 ms', async (t) => {
  t.setTimeout(120_000);
  const intact = ggufParts(METADATA, TENSORS, 2);
  const files = writeParts(t, intact);
  const integer = seededIntegers(31);
  let refused = 0;
  for (let i = 0; i < 1000; i++) {
    const part = i % files.length;
    writeFileSync(files[part], mutate(intact[part], integer));
    const elapsedMs = await quickestMs(
      async () => readGgufModel(files[0]),
      (error) => {
        if (!(error instanceof CheckpointError && error.field !== '')) t.fail(`mutation ${i}`, { error });
        refused++;
      },
    );
    if (elapsedMs >= 100) t.fail(`mutation ${i} took ${elapsedMs} ms`);
    writeFileSync(files[part], intact[part]);
  }
  t.ok(refused > 500 && refused < 1000, `${refused} of 1,000 refused: the rest damaged values alone`);
});
