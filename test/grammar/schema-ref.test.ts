import t from 'tap';
import { GrammarError } from '#halflight/grammar/grammar-error.js';
import { resolveRef } from '#halflight/grammar/schema-ref.js';

const root = { $defs: { a: { type: 'string' }, 'b/c': { type: 'null' }, 'd e': 1 }, items: [{ x: 1 }] };

t.test('a reference is a path into the schema', (t) => {
  t.equal(resolveRef(root, '#', '#'), root);
  t.equal(resolveRef(root, '#/$defs/a', '#'), root.$defs.a);
  t.equal(resolveRef(root, '#/$defs/b~1c', '#'), root.$defs['b/c']);
  t.equal(resolveRef(root, '#/$defs/d%20e', '#'), 1);
  t.equal(resolveRef(root, '#/items/0', '#'), root.items[0]);
  t.end();
});

t.test('other documents, and parts that are not there, are refused', (t) => {
  for (const ref of ['https://example.com/x', 'x', '#/$defs/z', '#/__proto__', '#/items/5'])
    t.throws(() => resolveRef(root, ref, '#/here'), GrammarError, ref);
  t.end();
});
