import t from 'tap';
import { elapsedMs, PassClock } from '#halflight/webgpu/pass-clock.js';
import { nullDevice, testDevice } from '../support/device.js';

function elapsed(start: bigint, end: bigint): number | null {
  return elapsedMs(BigUint64Array.of(start, end, 9n).buffer);
}

t.test('nanoseconds become milliseconds, also where a double could not hold the times', (t) => {
  t.equal(elapsed(5n, 1_500_005n), 1.5);
  t.equal(elapsed(2n ** 63n, 2n ** 63n + 250n), 0.00025);
  t.end();
});

t.test('times that do not advance tell nothing', (t) => {
  t.equal(elapsed(0n, 0n), null);
  t.equal(elapsed(7n, 7n), null);
  t.equal(elapsed(8n, 7n), null);
  t.end();
});

t.test('a device without timestamps has no clock', async (t) => {
  const device = await testDevice([]);
  t.equal(PassClock.of(device), null);
  device.destroy();
});

t.test('the first pass since a copy writes the start, each writes the end', async (t) => {
  const device = await nullDevice();
  const clock = PassClock.of(device);
  if (clock === null) {
    t.comment('no timestamps on this backend');
    device.destroy();
    return;
  }
  const indices = () => {
    const { beginningOfPassWriteIndex, endOfPassWriteIndex } = clock.writes();
    return [beginningOfPassWriteIndex, endOfPassWriteIndex];
  };
  const usage = GPUBufferUsage.COPY_DST;
  const target = device.createBuffer({ size: 16, usage });
  const encoder = device.createCommandEncoder();
  t.equal(clock.copyTo(encoder, target), false, 'no pass has run');
  t.strictSame(
    [indices(), indices()],
    [
      [0, 1],
      [undefined, 1],
    ],
  );
  t.equal(clock.copyTo(encoder, target), true);
  t.equal(clock.copyTo(encoder, target), false, 'none since the last copy');
  t.strictSame(indices(), [0, 1]);
  clock.destroy();
  device.destroy();
});
