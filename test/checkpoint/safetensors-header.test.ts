import t, { type Test } from 'tap';
import { headerLength, parseHeader } from '#halflight/checkpoint/safetensors-header.js';

const parse = (header: string, dataBytes: number) => {
  const json = new TextEncoder().encode(header);
  return parseHeader(json, 'm.safetensors', 8 + json.length + dataBytes);
};
const entry = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
const refuses = (t: Test, header: string, dataBytes: number, message: RegExp) =>
  t.throws(() => parse(header, dataBytes), { name: 'CheckpointError', message });

t.test('entries, metadata and trailing spaces are read', (t) => {
  const text = `{"__metadata__":{"format":"pt"},"a":${entry('F32', '[2,1]', '[4,12]')},"b":${entry('BF16', '[2]', '[0,4]')}}  `;
  const { tensors, metadata } = parse(text, 12);
  const dataStart = 8 + text.length;
  t.strictSame(tensors, [
    { name: 'a', dtype: 'F32', shape: [2, 1], file: 'm.safetensors', offset: dataStart + 4, bytes: 8 },
    { name: 'b', dtype: 'BF16', shape: [2], file: 'm.safetensors', offset: dataStart, bytes: 4 },
  ]);
  t.equal(metadata.get('format'), 'pt');
  t.end();
});

t.test('scalars, empty tensors and 4-bit types have the bytes of their shapes', (t) => {
  const text = `{"s":${entry('I64', '[]', '[0,8]')},"e":${entry('F16', '[0,9007199254740991]', '[8,8]')},"q":${entry('F4', '[2,3]', '[8,11]')}}`;
  t.strictSame(
    parse(text, 11).tensors.map(({ bytes }) => bytes),
    [8, 0, 3],
  );
  refuses(t, `{"q":${entry('F4', '[3]', '[0,2]')}}`, 2, /takes no whole number/);
  t.end();
});

t.test('bytes that no tensor owns, or two own, are refused', (t) => {
  const two = (a: string, b: string) => `{"a":${entry('U8', '[4]', a)},"b":${entry('U8', '[4]', b)}}`;
  t.equal(parse(two('[4,8]', '[0,4]'), 8).tensors.length, 2);
  refuses(t, two('[0,4]', '[2,6]'), 6, /b\.data_offsets: overlaps/);
  refuses(t, two('[0,4]', '[0,4]'), 4, /overlaps/);
  refuses(t, two('[0,4]', '[5,9]'), 9, /b\.data_offsets: leaves a hole/);
  refuses(t, two('[1,5]', '[5,9]'), 9, /a\.data_offsets: leaves a hole/);
  refuses(t, two('[0,4]', '[4,8]'), 9, /size: /);
  refuses(t, two('[0,4]', '[4,8]'), 7, /cut off or damaged/);
  t.end();
});

t.test('type, shape and offsets must agree, in exact arithmetic', (t) => {
  const one = (dtype: string, shape: string, offsets: string) => `{"w":${entry(dtype, shape, offsets)}}`;
  refuses(t, one('F32', '[2]', '[0,4]'), 4, /w\.data_offsets: 4 bytes, but F32 \[2\] takes 8/);
  refuses(t, one('F99', '[2]', '[0,4]'), 4, /w\.dtype: unknown type "F99"/);
  refuses(t, one('toString', '[2]', '[0,4]'), 4, /unknown type/);
  refuses(t, one('U8', '[4294967296,4294967296]', '[0,0]'), 0, /takes no whole number/);
  refuses(t, one('U8', '[-1]', '[0,1]'), 1, /w\.shape: must hold integers/);
  refuses(t, one('U8', '[1.5]', '[0,1]'), 1, /integers/);
  refuses(t, one('U8', '[1e300]', '[0,1]'), 1, /integers/);
  refuses(t, one('U8', '[1,1,1,1,1,1,1,1,1]', '[0,1]'), 1, /9 dimensions/);
  refuses(t, one('U8', '[1]', '[1,0]'), 1, /begin, end/);
  refuses(t, one('U8', '[1]', '[0]'), 1, /begin, end/);
  refuses(t, one('U8', '"1"', '[0,1]'), 1, /must be a list/);
  refuses(t, '{"w":[]}', 0, /w: must be an object/);
  t.end();
});

t.test('repeated tensors, nesting, and metadata that is not text are refused', (t) => {
  refuses(
    t,
    `{"w":${entry('U8', '[1]', '[0,1]')},"w":${entry('U8', '[1]', '[0,1]')}}`,
    1,
    /"w" appears twice/,
  );
  refuses(t, `{"w":{"shape":[[1]]}}`, 1, /nested deeper than 3/);
  refuses(t, `{"__metadata__":{"n":1}}`, 0, /__metadata__\.n: must be a string/);
  refuses(t, ` {}`, 0, /must start with \{/);
  refuses(t, `[]`, 0, /must start with \{/);
  refuses(t, `{"w":1`, 0, /JSON/);
  t.end();
});

t.test('the header length is bounded by the cap and by the file', (t) => {
  const prefix = (length: bigint) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    return bytes;
  };
  t.equal(headerLength(prefix(100n), 'f', 108), 100);
  t.throws(() => headerLength(prefix(101n), 'f', 108), {
    name: 'CheckpointError',
    message: /101 bytes; at most 100/,
  });
  t.throws(() => headerLength(prefix(2n ** 64n - 1n), 'f', 2 ** 50), { message: /at most 100000000/ });
  t.throws(() => headerLength(prefix(100_000_001n), 'f', 2 ** 40), { name: 'CheckpointError' });
  t.throws(() => headerLength(new Uint8Array(3), 'f', 3), { message: /a file of 3 bytes/ });
  t.end();
});
