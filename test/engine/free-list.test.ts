import fc from 'fast-check';
import t from 'tap';
import { FreeList } from '#halflight/engine/free-list.js';

t.test(
  'blocks come out in the order in which they went in, those taken from the middle left out',
  async (t) => {
    const list = new FreeList(4);
    list.remove(1);
    t.same([...list], [0, 2, 3]);
    t.equal(list.shift(), 0);
    list.push(1);
    list.push(0);
    list.remove(3);
    t.same([...list], [2, 1, 0]);
    t.equal(list.size, 3);
  },
);

t.test('nothing is put in twice, taken twice, or taken from an empty list', async (t) => {
  const list = new FreeList(1);
  t.throws(() => list.push(0), { message: 'block 0 is freed but not in use' });
  list.shift();
  t.throws(() => list.remove(0), { message: 'block 0 is not free' });
  t.throws(() => list.shift(), { message: 'no block is free' });
});

t.test('any order of pushes, shifts and removals is what a plain array gives', async () => {
  const operations = fc.array(
    fc.record({ kind: fc.constantFrom('push', 'shift', 'remove'), block: fc.nat(7) }),
  );
  const property = fc.property(operations, (steps) => {
    const list = new FreeList(8);
    let model = [0, 1, 2, 3, 4, 5, 6, 7];
    for (const { kind, block } of steps) {
      if (kind === 'push' && !model.includes(block)) {
        list.push(block);
        model.push(block);
      } else if (kind === 'remove' && model.includes(block)) {
        list.remove(block);
        model = model.filter((other) => other !== block);
      } else if (kind === 'shift' && model.length > 0 && list.shift() !== model.shift()) return false;
    }
    return JSON.stringify([...list]) === JSON.stringify(model) && list.size === model.length;
  });
  fc.assert(property);
});
