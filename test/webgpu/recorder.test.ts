import t from 'tap';
import { BufferPool } from '#halflight/webgpu/buffers.js';
import { type Dispatch, Recorder } from '#halflight/webgpu/recorder.js';
import { nullDevice } from '../support/device.js';

const device = await nullDevice();
t.teardown(() => device.destroy());

const pool = new BufferPool(device);

/** y[t][i] = silu(x[t][i]) · x[t][cols + i] of one column: what it computes does not matter here. */
function silu(x = pool.storage(256, 'activations'), y = pool.storage(256, 'activations')): Dispatch {
  return {
    spec: { kernel: 'activate', weight: null, types: { X: 'f32', Y: 'f32' }, constants: {} },
    buffers: [x, y],
    weight: [],
    params: Uint32Array.of(1, 32, 32),
    grid: [1, 1, 1],
  };
}

/** The validation error that `work` causes, or null. */
async function errorOf(work: () => void): Promise<GPUError | null> {
  device.pushErrorScope('validation');
  work();
  return device.popErrorScope();
}

t.test('the dispatches since the last submit are sent together, and counted', async (t) => {
  const recorder = new Recorder(device, pool);
  const dispatch = silu();
  const error = await errorOf(() => {
    for (let i = 0; i < 3; i++) recorder.add(dispatch);
    t.equal(recorder.dispatchesPerStep, 0);
    recorder.submit();
  });
  t.equal(error, null);
  t.equal(recorder.dispatchesPerStep, 3);
  recorder.add(dispatch);
  recorder.submit();
  t.equal(recorder.dispatchesPerStep, 1);
});

t.test('copies stand between the dispatches before and after them, in one submission', async (t) => {
  const recorder = new Recorder(device, pool);
  const [from, to] = [pool.storage(256, 'activations'), pool.storage(256, 'activations')];
  const error = await errorOf(() => {
    recorder.copy([{ from, to, bytes: 256 }]);
    recorder.add(silu(to));
    recorder.copy([{ from, to, bytes: 256 }]);
    recorder.add(silu(to));
    recorder.submit();
  });
  t.equal(error, null);
  t.equal(recorder.dispatchesPerStep, 2);
  await recorder.prepare(() => recorder.copy([{ from: to, to, bytes: 512 }]));
  t.equal(await errorOf(() => recorder.submit()), null, 'nothing is copied while kernels are made ready');
});

t.test('a submit of nothing sends nothing', (t) => {
  const recorder = new Recorder(device, pool);
  recorder.submit();
  t.equal(recorder.dispatchesPerStep, 0);
  t.end();
});

t.test('what a submit is given to finish with goes out behind the dispatches, or alone', async (t) => {
  const recorder = new Recorder(device, pool);
  const submitted: number[] = [];
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    submitted.push([...buffers].length);
    submit(buffers);
  };
  const copy = pool.storage(256, 'activations');
  const source = pool.storage(256, 'activations');
  const error = await errorOf(() => {
    recorder.add(silu());
    recorder.submit((encoder) => encoder.copyBufferToBuffer(source, 0, copy, 0, 16));
    recorder.submit((encoder) => encoder.copyBufferToBuffer(source, 0, copy, 0, 16));
  });
  queue.submit = submit;
  t.equal(error, null);
  t.strictSame(submitted, [1, 1]);
  t.equal(recorder.dispatchesPerStep, 1);
});

/** How many bind groups `work` makes. */
function bindGroupsOf(work: () => void): number {
  let made = 0;
  const create = device.createBindGroup.bind(device);
  device.createBindGroup = (descriptor) => {
    made++;
    return create(descriptor);
  };
  work();
  device.createBindGroup = create;
  return made;
}

t.test(
  'dispatches of the same buffers share a bind group where their parameters are the same, in one submission or two',
  async (t) => {
    const recorder = new Recorder(device, pool);
    const dispatch = silu();
    const other = { ...dispatch, params: Uint32Array.of(1, 64, 32) };
    const error = await errorOf(() => {
      const made = [[dispatch, dispatch], [dispatch, other], [other], [other, dispatch]].map((dispatches) =>
        bindGroupsOf(() => {
          for (const added of dispatches) recorder.add(added);
          recorder.submit();
        }),
      );
      t.strictSame(made, [1, 1, 0, 0]);
    });
    t.equal(error, null);
  },
);

t.test('what was recorded is added again, with its copies', async (t) => {
  const recorder = new Recorder(device, pool);
  const [from, to] = [pool.storage(256, 'activations'), pool.storage(256, 'activations')];
  const error = await errorOf(() => {
    const recording = recorder.record(() => {
      recorder.add(silu(from, to));
      recorder.copy([{ from, to, bytes: 256 }]);
      recorder.add(silu(to, from));
    });
    t.equal(recording?.length, 3);
    recorder.submit();
    t.equal(recorder.dispatchesPerStep, 2);
    if (recording === null) return;
    recorder.replay(recording);
    recorder.replay(recording);
    recorder.submit();
  });
  t.equal(error, null);
  t.equal(recorder.dispatchesPerStep, 4);
});

t.test('what is added again sends its parameters only where others took their place', (t) => {
  const recorder = new Recorder(device, pool);
  const [x, y] = [1, 2].map(() => pool.storage(256, 'activations'));
  const dispatch = silu(x, y);
  const recording = recorder.record(() => recorder.add(dispatch)) ?? [];
  const sent = [
    () => undefined,
    () => recorder.replay(recording),
    () => recorder.add({ ...dispatch, params: Uint32Array.of(1, 64, 32) }),
    () => recorder.replay(recording),
    () => recorder.replay(recording),
  ].map((work) =>
    paramsSent(() => {
      work();
      recorder.submit();
    }),
  );
  t.strictSame(sent, [[[1, 32, 32]], [], [[1, 64, 32]], [[1, 32, 32]], []]);
  t.end();
});

/** The first three words of what `work` writes to the device's buffers. */
function paramsSent(work: () => void): number[][] {
  const { queue } = device;
  const write = queue.writeBuffer.bind(queue);
  const sent: number[][] = [];
  queue.writeBuffer = (_buffer, _offset, data, first = 0) => {
    if (data instanceof Uint32Array) sent.push([...data.subarray(first, first + 3)]);
  };
  work();
  queue.writeBuffer = write;
  return sent;
}

t.test(
  'dispatches that differ in their weight share their parameters, in bind groups of their own',
  async (t) => {
    const recorder = new Recorder(device, pool);
    const [batch, previous, y, ...weights] = [1, 2, 3, 4, 5].map(() => pool.storage(256, 'activations'));
    const embed = (codes: GPUBuffer): Dispatch => ({
      spec: { kernel: 'embed', weight: 'bf16', types: { Y: 'f32' }, constants: { ADD: 0 } },
      buffers: [batch, previous, y],
      weight: [codes],
      params: Uint32Array.of(1, 2, 3),
      grid: [1, 1, 1],
    });
    const made = () =>
      bindGroupsOf(() => {
        for (const codes of weights) recorder.add(embed(codes));
      });
    const error = await errorOf(() => {
      const sent = paramsSent(() => {
        t.strictSame([made(), made()], [2, 0]);
        recorder.submit();
      });
      t.strictSame(sent, [[1, 2, 3]]);
    });
    t.equal(error, null);
  },
);

t.test(
  'nothing is recorded of work that only makes its kernels ready, nor once recording has failed',
  async (t) => {
    const recorder = new Recorder(device, pool);
    await recorder.prepare(() =>
      t.equal(
        recorder.record(() => recorder.add(silu())),
        null,
      ),
    );
    const failure = new Error('no such shape');
    t.throws(
      () =>
        recorder.record(() => {
          throw failure;
        }),
      failure,
    );
    t.strictSame(
      recorder.record(() => undefined),
      [],
    );
  },
);

t.test('bind groups are made once for the same buffers in the same order', (t) => {
  const recorder = new Recorder(device, pool);
  const [x, y, z] = [1, 2, 3].map(() => pool.storage(256, 'activations'));
  const made = bindGroupsOf(() => {
    for (const buffers of [
      [x, y],
      [x, y],
      [x, z],
      [z, x],
      [x, z],
    ]) {
      recorder.add(silu(buffers[0], buffers[1]));
    }
  });
  recorder.submit();
  t.equal(made, 3);
  t.end();
});

t.test('prepare compiles what the work would dispatch, without dispatching it', async (t) => {
  const recorder = new Recorder(device, pool);
  const [name] = await recorder.prepare(() => recorder.add(silu()));
  t.match(name, /^activate /);
  t.equal(recorder.pipelines.numCompiled, 1);
  recorder.submit();
  t.equal(recorder.dispatchesPerStep, 0);
  recorder.add(silu());
  recorder.submit();
  t.equal(recorder.pipelines.numCompiled, 1);
  t.equal(recorder.dispatchesPerStep, 1);
});

t.test('work that fails to prepare leaves the recorder usable', async (t) => {
  const recorder = new Recorder(device, pool);
  const failure = new Error('no such shape');
  await t.rejects(
    recorder.prepare(() => {
      throw failure;
    }),
    failure,
  );
  recorder.add(silu());
  recorder.submit();
  t.equal(recorder.dispatchesPerStep, 1);
});
