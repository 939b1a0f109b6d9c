import fc from 'fast-check';
import t from 'tap';
import { elementsOf, isJson, JsonExtent, membersOf } from '#halflight/text/output/json-extent.js';

t.test('a value ends at its last bracket, wherever the text is cut', async (t) => {
  const value = '{"a": ["}]\\"", {"b": "\\\\"}]}';
  for (let cut = 1; cut < value.length; cut++) {
    const extent = new JsonExtent();
    t.equal(extent.scan(value.slice(0, cut)), 'more');
    t.equal(extent.scan(`${value.slice(cut)} and more}`), value.length - cut);
  }
});

t.test('brackets that do not match, or are too deep, are broken', async (t) => {
  t.equal(new JsonExtent().scan('{"a": ]'), 'broken');
  t.equal(new JsonExtent().scan('['.repeat(65)), 'broken');
  t.equal(new JsonExtent().scan('['.repeat(64)), 'more');
});

t.test('JSON is an object or a list, whole, and of bounded depth', async (t) => {
  for (const good of ['{}', ' [1, {"a": null}] ', '{"a": "\\u0041"}']) t.ok(isJson(good), good);
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  for (const bad of ['', '1', '"a"', "{'a': 1}", '{"a": 1,}', '{} {}', '{"a"', deep]) t.notOk(isJson(bad));
});

t.test('members keep their source text, so that no number is rounded', async (t) => {
  const members = membersOf('{ "big": 12345678901234567890, "x\\"y": {"a": [1, "},"]}, "e": "" }');
  t.same(
    [...members],
    [
      ['big', '12345678901234567890'],
      ['x"y', '{"a": [1, "},"]}'],
      ['e', '""'],
    ],
  );
  t.same([...membersOf(' {} ')], []);
  t.same(elementsOf('[ ]'), []);
});

t.test('elements and members are those that JSON has', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 2), (values, indent) => {
      const parsed = elementsOf(JSON.stringify(values, null, indent)).map((part) => JSON.parse(part));
      t.same(parsed, JSON.parse(JSON.stringify(values)));
    }),
    { seed: 1, numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      const entries = [...membersOf(JSON.stringify(object))].map(([key, value]) => [key, JSON.parse(value)]);
      t.same(entries, Object.entries(JSON.parse(JSON.stringify(object))));
    }),
    { seed: 2, numRuns: 200 },
  );
});
