import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isGguf, parseGguf, readGgufHeader } from '#halflight/checkpoint/gguf/header.js';
import { bool, f32, ggufBytes, list, string, strings, u32 } from '../../support/gguf.js';

const VECTOR = { name: 'v', type: 'F32', dims: [2], data: new Uint8Array(8) } as const;
const MATRIX = { name: 'm', type: 'Q4_0', dims: [32, 3], data: new Uint8Array(54) } as const;

function parse(bytes: Uint8Array) {
  return parseGguf({
    file: 'f.gguf',
    size: bytes.length,
    read: (at, length) => bytes.slice(at, at + length),
  });
}

function refuses(t: Test, bytes: Uint8Array, message: RegExp): void {
  t.throws(() => parse(bytes), { name: 'CheckpointError', message });
}

/** The bytes with one u64 in place of what follows a text. */
function patched(bytes: Uint8Array, after: string, skip: number, value: bigint): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeBigUInt64LE(value, copy.indexOf(after) + after.length + skip);
  return new Uint8Array(copy);
}

t.test('keys of every kind are read', (t) => {
  const nested = list([strings(['a']), strings([])]);
  const { metadata } = parse(ggufBytes({ n: u32(7), x: f32(0.5), b: bool(true), s: string('é'), l: nested }));
  t.same(
    metadata.keys().map((key) => metadata.raw(key)),
    [7, 0.5, true, 'é', [['a'], []]],
  );
  t.end();
});

t.test('tensors have their shape outermost first and their place in the file', (t) => {
  const bytes = ggufBytes({}, [VECTOR, MATRIX]);
  const [vector, matrix] = parse(bytes).tensors;
  t.match(vector, { name: 'v', type: 'F32', shape: [2], bytes: 8 });
  t.match(matrix, { name: 'm', type: 'Q4_0', shape: [3, 32], bytes: 54, offset: vector.offset + 32 });
  t.equal(matrix.offset + 64, bytes.length);
  t.end();
});

t.test('what is no GGUF of versions 2 and 3 is refused', (t) => {
  const bytes = ggufBytes({});
  refuses(t, new Uint8Array(0), /magic: ends at byte 0/);
  refuses(t, bytes.with(0, 0x67), /magic: the file does not start with GGUF/);
  refuses(t, bytes.with(4, 1), /version: 1 is not read; known: 2, 3/);
  refuses(t, bytes.with(4, 0).with(7, 3), /version: big-endian/);
  t.doesNotThrow(() => parse(bytes.with(4, 2)));
  t.end();
});

t.test('counts beyond the file or the format’s bounds are refused', (t) => {
  const bytes = ggufBytes({ l: strings(['a']) });
  refuses(t, bytes.with(14, 1), /number of tensors: 281474976710656, but at most 100000/);
  refuses(t, bytes.with(16, 99), /number of keys: 99, but only \d+ bytes follow/);
  refuses(t, patched(bytes, 'l', 8, 2n ** 63n), /l: 9223372036854775808, but at most 1000000/);
  refuses(t, patched(bytes, 'l', 8, 1000n), /l: 1000, but only \d+ bytes follow/);
  t.end();
});

t.test('values that are damaged are refused with their key', (t) => {
  const deep = list([list([list([list([u32(1)])])])]);
  refuses(t, ggufBytes({ k: deep }), /k: lists nested deeper than 4/);
  refuses(t, ggufBytes({ k: { type: 99, value: [] } }), /k: unknown type of value, 99/);
  refuses(t, ggufBytes({ 'general.alignment': u32(0) }), /general\.alignment: must be a number from 1/);
  t.end();
});

t.test('tensors that do not fit the file are refused with their name', (t) => {
  const bytes = ggufBytes({}, [VECTOR, MATRIX]);
  refuses(t, bytes.slice(0, -40), /offset of m: the data ends beyond byte/);
  refuses(t, patched(bytes, 'm', 4, 33n), /m: rows of 33 weights, but Q4_0 has blocks of 32/);
  refuses(t, patched(bytes, 'm', 4, 0n), /m: a dimension is 0/);
  refuses(
    t,
    patched(bytes, 'm', 12, 2n ** 62n),
    /m: Q4_0 \[4611686018427387904,32\] is larger than the file/,
  );
  refuses(t, patched(bytes, 'm', 24, 1n), /offset of m: 1 is no multiple of the alignment, 32/);
  refuses(t, patched(bytes, 'm', 24, 0n), /offset of [vm]: overlaps the tensor before it/);
  refuses(t, ggufBytes({}, [VECTOR, VECTOR]), /v: appears twice/);
  refuses(t, ggufBytes({}, [{ ...VECTOR, dims: [] }]), /v: 0 dimensions, but 1 to 8/);
  t.end();
});

t.test('a file is told by its name, and one that is not there is refused', async (t) => {
  t.ok(isGguf('a/b.Q4_K_M.gguf'));
  t.ok(isGguf('B.GGUF'));
  t.notOk(isGguf('a.gguf/b'));
  const dir = t.testdir({});
  t.throws(() => readGgufHeader(join(dir, 'x.gguf')), {
    name: 'CheckpointError',
    message: /x\.gguf: file: no such file/,
  });
  t.throws(() => readGgufHeader(dir), { name: 'CheckpointError' });
  await writeFile(join(dir, 'x.gguf'), ggufBytes({ k: u32(1) }));
  t.equal(readGgufHeader(join(dir, 'x.gguf')).metadata.raw('k'), 1);
});
