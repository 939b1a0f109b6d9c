import t from 'tap';
import { isStatic, parseScheme } from '#halflight/calibrate/job/schemes.js';
import { formatName } from '#halflight/quant/formats.js';
import { refuses } from '../../support/commands.js';

t.test('names are formats', (t) => {
  const names = [
    'int8',
    'int4',
    'int4-g128',
    'int4-channel',
    'int3-g64-asym',
    'int2-asym',
    'nf4',
    'int5-g64',
  ];
  t.strictSame(
    names.map((name) => formatName(parseScheme(name).format)),
    ['int8', 'int4-g32', 'int4-g128', 'int4', 'int3-g64-asym', 'int2-g32-asym', 'nf4-g64', 'int5-g64'],
  );
  t.end();
});

t.test('-dq asks for scales in codes beside tables', (t) => {
  t.match(parseScheme('fp4-dq'), { format: { table: 'fp4', groupSize: 64 }, doubleQuant: true });
  t.notOk('doubleQuant' in parseScheme('fp4'));
  t.throws(() => parseScheme('int4-dq'), /^--scheme/);
  t.end();
});

t.test('int8-tensor has one scale, in f32', (t) => {
  t.match(parseScheme('int8-tensor'), {
    format: { bits: 8, groupSize: null, scaleType: 'f32' },
    tensorScale: true,
  });
  t.end();
});

t.test('w8a8 and w4a8 round activations by tokens, others of w8a8 by scales of a text', (t) => {
  const format = { bits: 8, groupSize: null, scaleType: 'f32' };
  t.match(parseScheme('w8a8'), { format, activations: 'int8' });
  t.match(parseScheme('w8a8-static'), { format, activations: 'static' });
  t.match(parseScheme('w8a8-integer'), { format, activations: 'integer' });
  t.match(parseScheme('w4a8'), { format: { bits: 4, groupSize: 32 }, activations: 'int8' });
  t.match(parseScheme('w4a8-g128'), { format: { bits: 4, groupSize: 128 }, activations: 'int8' });
  t.match(parseScheme('w4a8-channel'), { format: { bits: 4, groupSize: null }, activations: 'int8' });
  t.match(parseScheme('int8'), { activations: 'float' });
  t.strictSame(
    ['int8', 'w8a8', 'w8a8-static', 'w8a8-integer'].map((name) => isStatic(parseScheme(name))),
    [false, false, true, true],
  );
  t.end();
});

t.test('others are refused with the known ones', (t) =>
  refuses(
    t,
    () => parseScheme('int7'),
    /^--scheme: "int7" is none of int8, int6, int5, int4, int3 or int2, each with -g32/,
  ),
);
