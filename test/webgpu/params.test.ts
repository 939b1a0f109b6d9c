import t from 'tap';
import { Params } from '#halflight/webgpu/params.js';

t.test('words and floats follow one another in the order of the calls', (t) => {
  const { words } = new Params().u32(1, 0xffffffff).f32(1, -2).u32(7);
  t.strictSame([...words.subarray(0, 6)], [1, 0xffffffff, 0x3f800000, 0xc0000000, 7, 0]);
  t.equal(words.byteLength, 96);
  t.end();
});
