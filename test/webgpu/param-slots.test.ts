import t from 'tap';
import { BufferPool } from '#halflight/webgpu/buffers.js';
import { ParamMemory, ParamSlots, SLOT_BYTES } from '#halflight/webgpu/param-slots.js';
import { nullDevice } from '../support/device.js';

const device = await nullDevice();
t.teardown(() => device.destroy());

/** Bytes from the first to the last that each `upload` of `work` writes. */
function uploadsOf(work: () => void): [number, number][] {
  const { queue } = device;
  const write = queue.writeBuffer.bind(queue);
  const ranges: [number, number][] = [];
  queue.writeBuffer = (_buffer, offset, _data, _first, size) => {
    ranges.push([offset, offset + 4 * (size ?? 0)]);
  };
  work();
  queue.writeBuffer = write;
  return ranges;
}

t.test('a submission gives each set of parameters a slot of its own, and the next takes them over', (t) => {
  const memory = new ParamMemory(device, new BufferPool(device));
  const slots = new ParamSlots();
  const offsetOf = (...params: number[]) => slots.put(Uint32Array.from(params), memory).offset;
  t.strictSame([offsetOf(1), offsetOf(2), offsetOf(1)], [0, SLOT_BYTES, 0]);
  memory.upload();
  t.strictSame([offsetOf(2), offsetOf(3), offsetOf(4)], [SLOT_BYTES, 0, 2 * SLOT_BYTES]);
  t.end();
});

t.test('only slots that changed since the last upload are written', (t) => {
  const memory = new ParamMemory(device, new BufferPool(device));
  const dispatches = [1, 2, 3].map(() => new ParamSlots());
  const step = (...params: number[]) =>
    uploadsOf(() => {
      params.forEach((value, i) => {
        dispatches[i].put(Uint32Array.of(value), memory);
      });
      memory.upload();
    });
  t.strictSame(step(0, 0, 0), [[0, 3 * SLOT_BYTES]], 'also parameters of nothing but zeros');
  t.strictSame(step(0, 0, 0), []);
  t.strictSame(step(0, 7, 0), [[SLOT_BYTES, 2 * SLOT_BYTES]]);
  t.end();
});

t.test('slots beyond a buffer lie in the next', (t) => {
  const memory = new ParamMemory(device, new BufferPool(device));
  const taken = Array.from({ length: 1025 }, () => memory.take());
  t.not(taken[1024].buffer, taken[1023].buffer);
  t.equal(taken[1024].offset, 0);
  t.equal(taken[1023].offset + SLOT_BYTES, taken[1023].buffer.size);
  t.end();
});
