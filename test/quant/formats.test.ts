import t from 'tap';
import {
  activationRounding,
  activationType,
  FLOAT_FORMATS,
  formatName,
  parseQuantization,
  QUANTIZATION_NAMES,
  READERS,
  sameFormat,
} from '#halflight/quant/formats.js';

t.test('each reader of the table decodes codes of the width that its formats state', (t) => {
  for (const name of QUANTIZATION_NAMES) {
    const format = parseQuantization(name);
    t.equal(READERS[format.reader].bits, format.bits, name);
  }
  for (const format of Object.values(FLOAT_FORMATS)) t.equal(READERS[format.reader].bits, format.bits);
  t.end();
});

t.test('names are read and written', (t) => {
  const int4 = parseQuantization('int4');
  t.strictSame(int4, { reader: 'int4', bits: 4, groupSize: 32, scaleType: 'f16', zeroPoints: false });
  t.strictSame(parseQuantization('int8').scaleType, 'f32');
  t.equal(formatName(int4), 'int4-g32');
  t.equal(formatName(parseQuantization('int4-asym')), 'int4-g32-asym');
  t.equal(formatName(FLOAT_FORMATS.bf16), 'bf16');
  for (const name of QUANTIZATION_NAMES) {
    const format = parseQuantization(name);
    t.ok(sameFormat(parseQuantization(formatName(format)), format), name);
  }
  t.end();
});

t.test('w8a8 and w4a8 are int8 and int4 with INT8 activations', (t) => {
  t.strictSame(parseQuantization('w8a8'), parseQuantization('int8'));
  t.strictSame(parseQuantization('w4a8'), parseQuantization('int4'));
  t.strictSame(
    QUANTIZATION_NAMES.filter((name) => activationType(name) === 'int8'),
    ['w8a8', 'w8a8-token', 'llm-int8', 'w4a8', 'w4a8-token'],
  );
  t.equal(activationRounding('int8'), null);
  t.match(activationRounding('w8a8'), { scale: 'block', outliers: null });
  t.match(activationRounding('w4a8-token', 4), { scale: 'token', outliers: null });
  t.match(activationRounding('llm-int8'), { scale: 'token', outliers: 6 });
  t.match(activationRounding('llm-int8', 4), { scale: 'token', outliers: 4 });
  t.end();
});

t.test('an unknown name is refused with the known ones', (t) => {
  t.throws(() => parseQuantization('int9'), {
    name: 'UserError',
    message: /"int9"; known: int8, int8-g128, int4, /,
  });
  t.throws(() => parseQuantization('toString'), { name: 'UserError' });
  t.end();
});
