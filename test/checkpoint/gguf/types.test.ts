import t from 'tap';
import { GGUF_TYPES, isBlockType, typeOfId } from '#halflight/checkpoint/gguf/types.js';

t.test('every type is found by its id, and by no other', (t) => {
  for (const [name, { id }] of Object.entries(GGUF_TYPES)) t.equal(typeOfId(id), name);
  t.equal(typeOfId(4), null);
  t.equal(typeOfId(2 ** 32 - 1), null);
  t.end();
});

t.test('floats are no blocks', (t) => {
  t.same(
    Object.keys(GGUF_TYPES).filter((type) => !isBlockType(type)),
    ['F32', 'F16', 'BF16'],
  );
  t.notOk(isBlockType('I8'));
  t.end();
});
