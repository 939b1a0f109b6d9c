import t from 'tap';
import { reduction } from '#halflight/webgpu/reduction.js';

t.test('lanes add up within subgroups where they are whole ones of a known size', (t) => {
  const inSubgroups = { lanes: 'subgroups' as const, constants: { LANES: 64, SUBGROUP_LANES: 32 } };
  t.strictSame(reduction(64, { subgroupSums: true, subgroupSize: 32 }), inSubgroups);
  for (const tuning of [
    { subgroupSums: false, subgroupSize: 32 },
    { subgroupSums: true, subgroupSize: null },
    { subgroupSums: true, subgroupSize: 128 },
  ])
    t.strictSame(reduction(64, tuning), { constants: { LANES: 64 } });
  t.end();
});
