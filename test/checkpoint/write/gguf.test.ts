import t from 'tap';
import { packBlocks } from '#halflight/checkpoint/gguf/repack.js';
import { packGguf } from '#halflight/checkpoint/write/gguf.js';
import { coded, integers, specOf } from './support.js';

t.test('a matrix becomes the blocks of the type that its format is', (t) => {
  const spec = specOf('blk.0.attn_q', [4, 64], integers(8, 32));
  const packed = coded(spec);
  const [{ name, data }] = packGguf(spec, packed, null);
  t.equal(name, 'blk.0.attn_q.weight');
  t.strictSame(packBlocks('Q8_0', data as Uint8Array, 4, 64), packed);
  t.end();
});

t.test('formats that no type is, and columns in an order of their own, are refused', (t) => {
  const spec = specOf('a', [4, 64], integers(8, 64));
  t.throws(() => packGguf(spec, coded(spec), null), RangeError);
  const fine = specOf('a', [4, 64], integers(4, 32));
  t.throws(() => packGguf(fine, coded(fine), new Uint32Array(64)), RangeError);
  t.end();
});
