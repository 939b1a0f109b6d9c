import t from 'tap';
import { findMarker, mayBegin } from '#halflight/text/output/markers.js';

t.test('the marker that comes first is found, with the text on both sides', async (t) => {
  t.same(findMarker('ab<y>c<x>', ['<x>', '<y>'], false), { before: 'ab', marker: '<y>', rest: 'c<x>' });
});

t.test('text that may begin a marker is held back until none can follow', async (t) => {
  t.same(findMarker('ab<x', ['<xy>', '<z>'], false), { before: 'ab', marker: null, rest: '<x' });
  t.same(findMarker('ab<x', ['<xy>', '<z>'], true), { before: 'ab<x', marker: null, rest: '' });
  t.same(findMarker('ab<xx', ['<xy>'], false), { before: 'ab<xx', marker: null, rest: '' });
  t.same(findMarker('abab', ['ababc', 'abx'], false), { before: '', marker: null, rest: 'abab' });
});

t.test('a text may become a marker while it is shorter and alike', async (t) => {
  t.ok(mayBegin('', '<x>'));
  t.ok(mayBegin('<x', '<x>'));
  t.notOk(mayBegin('<x>', '<x>'));
  t.notOk(mayBegin('<y', '<x>'));
});
