import t from 'tap';
import { isFunctionName, readCalls } from '#halflight/text/output/calls.js';

t.test('reads one call or a list, by any of the names of their parts', async (t) => {
  const call = { name: 'add', arguments: '{"a": 1.50}' };
  for (const json of [
    '{"name": "add", "arguments": {"a": 1.50}}',
    '{"parameters": {"a": 1.50}, "name": "add"}',
    '{"type": "function", "function": {"name": "add", "parameters": {"a": 1.50}}}',
    '{"type": "function", "function": "add", "parameters": {"a": 1.50}}',
    '{"name": "add", "arguments": "{\\"a\\": 1.50}"}',
  ]) {
    t.same(readCalls(json), [call], json);
    t.same(readCalls(`[${json}, ${json}]`), [call, call]);
  }
});

t.test('a call without arguments has none', async (t) => {
  for (const json of [
    '{"name": "f"}',
    '{"name": "f", "arguments": null}',
    '{"name": "f", "arguments": {}}',
  ]) {
    t.same(readCalls(json), [{ name: 'f', arguments: '{}' }]);
  }
});

t.test('anything else is no call', async (t) => {
  for (const json of [
    '{}',
    '[]',
    '1',
    '{"name": 1, "arguments": {}}',
    '{"name": "", "arguments": {}}',
    '{"name": "a b", "arguments": {}}',
    '{"name": "f", "arguments": [1]}',
    '{"name": "f", "arguments": "text"}',
    '{"name": "f", "arguments": "{broken"}',
    '[{"name": "f"}, 1]',
    '{"name": "f"',
  ]) {
    t.equal(readCalls(json), null, json);
  }
});

t.test('names are of 1 to 64 letters, digits and _ . -', async (t) => {
  t.ok(isFunctionName('mcp.server-1_x'));
  for (const bad of ['', 'a b', 'x'.repeat(65), 'a\n', 'é']) t.notOk(isFunctionName(bad));
});
