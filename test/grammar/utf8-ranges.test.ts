import t from 'tap';
import { type ByteRanges, utf8Ranges } from '#halflight/grammar/utf8-ranges.js';

const fits = (ranges: ByteRanges, bytes: Uint8Array) =>
  ranges.length === bytes.length && ranges.every(([first, last], i) => first <= bytes[i] && bytes[i] <= last);

const RANGES = [
  [0x00, 0x10ffff],
  [0x41, 0x41],
  [0x7f, 0x80],
  [0x80, 0xff],
  [0x3040, 0x9fff],
  [0xe9, 0xe9],
  [0x7ff, 0x800],
  [0xe000, 0x10ffff],
  [0x1f600, 0x1f64f],
  [0x2028, 0x2029],
  [0x123, 0xfedc],
] as const;

t.test('the bytes of a character fit where it is in the range, and only there', (t) => {
  for (const [first, last] of RANGES) {
    // No range ends among the surrogates: characters are given without them.
    const sequences =
      first < 0xd800 && last > 0xdfff
        ? [...utf8Ranges(first, 0xd7ff), ...utf8Ranges(0xe000, last)]
        : utf8Ranges(first, last);
    let wrong = 0;
    for (let code = 0; code <= 0x10ffff; code += code < 0x11000 ? 1 : 7) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const bytes = Buffer.from(String.fromCodePoint(code));
      if (sequences.filter((one) => fits(one, bytes)).length !== Number(first <= code && code <= last))
        wrong += 1;
    }
    t.equal(wrong, 0, `${first.toString(16)} to ${last.toString(16)}`);
  }
  t.end();
});
