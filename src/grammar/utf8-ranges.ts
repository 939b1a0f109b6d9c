/** Bytes from first to last, one such range for each byte of a character. */
export type ByteRanges = readonly (readonly [number, number])[];

/** Last code points that UTF-8 writes in one, two, three and four bytes. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/** The characters from `first` to `last`, without surrogates, as sequences of ranges of bytes that are theirs and no others'. */
export function utf8Ranges(first: number, last: number): ByteRanges[] {
  const end = LAST_OF_LENGTH.find((limit) => first <= limit) ?? last;
  if (last > end) return [...utf8Ranges(first, end), ...utf8Ranges(end + 1, last)];
  const length = LAST_OF_LENGTH.indexOf(end) + 1;
  for (let i = 1; i < length; i++) {
    // Where the ends differ before their last i bytes, these must run through all that they can be.
    const mask = 2 ** (6 * i) - 1;
    if ((first & ~mask) === (last & ~mask)) continue;
    if ((first & mask) !== 0) return split(first, first | mask, last);
    if ((last & mask) !== mask) return split(first, (last & ~mask) - 1, last);
  }
  const [from, to] = [first, last].map((code) => Buffer.from(String.fromCodePoint(code)));
  return [[...from].map((byte, i) => [byte, to[i]] as const)];
}

function split(first: number, middle: number, last: number): ByteRanges[] {
  return [...utf8Ranges(first, middle), ...utf8Ranges(middle + 1, last)];
}
