import t from 'tap';
import { type GgufPart, partsSource } from '#halflight/model/gguf-part.js';

const part = (dtype: GgufPart['dtype']): GgufPart => ({
  name: dtype,
  shape: [2, 3],
  dtype,
  layer: null,
  sources: [],
  order: null,
  read: async () => Float32Array.of(1, -2, 0.5, 4, 8, 0),
});

t.test('parts are tensors of their own type, read whole or by rows', async (t) => {
  const { tensors, read, readF32 } = partsSource([part('F32'), part('BF16'), part('F16')]);
  t.match(tensors.get('F16'), { dtype: 'F16', shape: [2, 3], bytes: 12 });
  t.same([...(await readF32('F32', { start: 1, count: 1 }))], [4, 8, 0]);
  t.same([...new Uint16Array((await read('BF16')).data.buffer)], [0x3f80, 0xc000, 0x3f00, 0x4080, 0x4100, 0]);
  t.same([...new Uint16Array((await read('F16')).data.buffer)], [0x3c00, 0xc000, 0x3800, 0x4400, 0x4800, 0]);
  t.equal((await read('F32')).data.length, 24);
  await t.rejects(read('none'), RangeError);
});
