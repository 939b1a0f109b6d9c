import fc from 'fast-check';
import t from 'tap';
import { bringSchedule, hostAreas, loadLayers } from '#halflight/model/offload.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import type { HostArea } from '#halflight/ops/ops.js';

const sizes = fc
  .integer({ min: 1, max: 100 })
  .chain((numLayers) => fc.tuple(fc.constant(numLayers), fc.integer({ min: 0, max: numLayers })));

t.test('so many layers are offloaded, no two neighbours of them in one area', (t) => {
  fc.assert(
    fc.property(sizes, ([numLayers, numHostLayers]) => {
      const areas = hostAreas(numLayers, numHostLayers);
      const held = areas.filter((area) => area !== null);
      t.equal(areas.length, numLayers);
      t.equal(held.length, numHostLayers);
      t.ok(held.every((area, i) => area === i % 2));
    }),
  );
  t.strictSame(hostAreas(8, 4), [null, 0, null, 1, null, 0, null, 1]);
  t.end();
});

t.test('every layer finds its own weights in its area, brought once, in step after step', (t) => {
  fc.assert(
    fc.property(sizes, ([numLayers, numHostLayers]) => {
      const areas = hostAreas(numLayers, numHostLayers);
      const hosts = areas.map((area, layer) => (area === null ? null : { area, layer }));
      const schedule = bringSchedule(hosts);
      const onDevice: (number | null)[] = [null, null];
      for (let step = 0; step < 2; step++) {
        for (let layer = 0; layer < numLayers; layer++) {
          for (const brought of schedule[layer]) onDevice[brought.area] = brought.layer;
          const area = areas[layer];
          if (area !== null) t.equal(onDevice[area], layer);
        }
      }
      t.equal(schedule.flat().length, numHostLayers);
    }),
  );
  t.end();
});

t.test('an area is filled while layers before its own compute', (t) => {
  const schedule = bringSchedule([null, 'a', null, 'b', null, 'c', 'd']);
  t.strictSame(schedule, [['a', 'b'], [], ['c'], [], ['d'], [], []]);
  t.end();
});

t.test('layers load in order, each into its area', async (t) => {
  const asked: (HostArea | null)[] = [];
  class Recording extends CpuOps {
    override inHost<T>(area: HostArea, load: () => Promise<T>) {
      asked.push(area);
      return super.inHost(area, load);
    }
  }
  const load = async (layer: number) => `layer ${layer}`;
  const { layers, bring } = await loadLayers(new Recording(), { numLayers: 4, numHostLayers: 3 }, load);
  t.strictSame(layers, ['layer 0', 'layer 1', 'layer 2', 'layer 3']);
  t.strictSame(asked, [0, 1, 0]);
  t.strictSame(
    bring.map((weights) => weights.length),
    [2, 0, 1, 0],
  );
});
