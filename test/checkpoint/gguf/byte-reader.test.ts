import t from 'tap';
import { ByteReader } from '#halflight/checkpoint/gguf/byte-reader.js';

function readerOf(bytes: Uint8Array): ByteReader {
  const read = (position: number, length: number) => bytes.slice(position, position + length);
  return new ByteReader({ file: 'f.gguf', size: bytes.length, read });
}

t.test('values are little-endian and follow one another', (t) => {
  const reader = readerOf(
    Uint8Array.of(0xff, 0xff, 1, 2, 0, 0, 0, 0x80, 0, 0, 0x80, 0x3f, 2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0xa9),
  );
  t.equal(reader.u8('a'), 255);
  t.equal(reader.i8('a'), -1);
  t.equal(reader.u16('a'), 0x201);
  t.equal(reader.i32('a'), -(2 ** 31));
  t.equal(reader.f32('a'), 1);
  t.equal(reader.string('a', 10), 'é');
  t.equal(reader.remaining, 0);
  t.end();
});

t.test('no length is believed', (t) => {
  const huge = new Uint8Array(24).fill(0xff);
  const message = (text: RegExp) => ({ name: 'CheckpointError', message: text });
  t.throws(
    () => readerOf(huge).string('k', 10),
    message(/f\.gguf: length of k: 18446744073709551615, but at most 10/),
  );
  t.throws(() => readerOf(huge).count('n', 2 ** 53, 1), message(/n: 18446744073709551615, but at most/));
  const nine = Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3);
  t.throws(() => readerOf(nine).string('k', 100), message(/length of k: 9, but only 3 bytes follow/));
  t.throws(() => readerOf(nine).count('n', 100, 4), message(/n: 9, but only 3 bytes follow/));
  t.throws(
    () => readerOf(Uint8Array.of(1, 2, 3)).u32('v'),
    message(/v: ends at byte 3: the file is cut off/),
  );
  t.end();
});

t.test('text must be UTF-8, in which a replacement character is a character', (t) => {
  const textOf = (...bytes: number[]) =>
    readerOf(Uint8Array.of(bytes.length, 0, 0, 0, 0, 0, 0, 0, ...bytes)).string('k', 9);
  t.equal(textOf(0xef, 0xbf, 0xbd), '\uFFFD');
  t.throws(() => textOf(0x61, 0xff), { name: 'CheckpointError', message: /k: not valid UTF-8/ });
  t.end();
});
