import t from 'tap';
import { tuningOf } from '../support/tuning.js';

const HARDWARE = tuningOf({ device: 'NVIDIA H200', description: 'NVIDIA: 550.54' });

t.test('software adapters get narrower workgroups than GPUs', (t) => {
  for (const software of [
    tuningOf({ device: 'llvmpipe (LLVM 15.0.6, 256 bits)', description: 'Mesa 25.0.7' }),
    tuningOf({ device: 'SwiftShader Device' }),
  ]) {
    t.ok(software.rowLanes < HARDWARE.rowLanes);
    t.ok(software.tileLanes < HARDWARE.tileLanes);
    t.equal(software.attentionWorkgroups, 0, 'and never split a context');
    t.equal(software.single, null, 'nor have a kernel for single tokens');
  }
  t.end();
});

t.test('workgroups that reduce are powers of two, as the reductions need, and within every device', (t) => {
  for (const device of ['GPU', 'llvmpipe']) {
    for (const most of [256, 1000, 1024]) {
      const { normLanes, headLanes, attentionLanes, sampleLanes, rowLanes } = tuningOf({ device }, [], most);
      for (const lanes of [normLanes, headLanes, attentionLanes, sampleLanes, rowLanes]) {
        t.ok(Number.isInteger(Math.log2(lanes)) && lanes <= most, `${lanes} of ${most}`);
      }
    }
  }
  t.end();
});

t.test('tiles ascend from one token, include the one of batch invariance, and fit the kernel', (t) => {
  for (const { tileTokens } of [HARDWARE, tuningOf({ device: 'llvmpipe' })]) {
    t.strictSame(
      [...tileTokens].sort((a, b) => a - b),
      [...tileTokens],
    );
    t.equal(tileTokens[0], 1);
    t.ok(tileTokens.includes(4) && Math.max(...tileTokens) <= 8, String(tileTokens));
  }
  t.end();
});

t.test('lanes along a row of K are a power of two, as adding them up in halves needs', (t) => {
  t.ok(Number.isInteger(Math.log2(HARDWARE.single?.rowLanes ?? 0)));
  t.end();
});

t.test('a subgroup has a known size only where the device has subgroups and all are alike', (t) => {
  const fixed = { device: 'a', subgroupMinSize: 32, subgroupMaxSize: 32 };
  t.equal(tuningOf(fixed, ['subgroups']).subgroupSize, 32);
  t.equal(tuningOf(fixed).subgroupSize, null);
  t.equal(tuningOf({ ...fixed, subgroupMinSize: 8 }, ['subgroups']).subgroupSize, null);
  t.equal(tuningOf({ device: 'a' }, ['subgroups']).subgroupSize, null);
  t.end();
});

t.test('subgroups multiply by the first size that takes f16 to f32 and fits the tile', (t) => {
  const config = (size: readonly number[], componentType = 'f16', resultComponentType = 'f32') => ({
    componentType,
    resultComponentType,
    M: size[0],
    N: size[1],
    K: size[2],
  });
  const choice = (configs: readonly object[], subgroupMaxSize: number | undefined = 32) =>
    tuningOf({ device: 'a', subgroupMaxSize, subgroupMatrixConfigs: configs }, [
      'chromium-experimental-subgroup-matrix',
    ]).subgroupMatrix;
  const others = [
    config([8, 8, 32], 'i8', 'i32'),
    config([16, 16, 16], 'f16', 'f16'),
    config([12, 8, 8]),
    config([32, 32, 16]),
    config([8, 8, 64]),
  ];
  t.strictSame(choice([...others, config([8, 16, 16]), config([8, 8, 8])]), {
    m: 8,
    n: 16,
    k: 16,
    maxLanes: 32,
  });
  t.equal(choice(others), null);
  t.equal(
    choice([config([8, 8, 8])], 128),
    null,
    'four subgroups have more lanes than any device must allow',
  );
  t.equal(
    tuningOf({ device: 'a', subgroupMaxSize: 32, subgroupMatrixConfigs: [config([8, 8, 8])] }).subgroupMatrix,
    null,
  );
  t.end();
});

t.test(
  'a software adapter with vectors of 512 bits multiplies no matrices, as Mesa 26.1 crashes on them',
  (t) => {
    const configs = [{ componentType: 'f16', resultComponentType: 'f32', M: 8, N: 8, K: 8 }];
    const matrixOf = (lanes: number) =>
      tuningOf(
        {
          device: 'llvmpipe',
          subgroupMinSize: lanes,
          subgroupMaxSize: lanes,
          subgroupMatrixConfigs: configs,
        },
        ['subgroups', 'chromium-experimental-subgroup-matrix'],
      ).subgroupMatrix;
    t.strictSame(matrixOf(8), { m: 8, n: 8, k: 8, maxLanes: 8 });
    t.equal(matrixOf(16), null);
    t.end();
  },
);

t.test('only GPUs take the tiled kernel for many tokens', (t) => {
  t.equal(HARDWARE.gemmTokens, 32);
  t.equal(tuningOf({ device: 'llvmpipe' }).gemmTokens, null);
  t.end();
});
