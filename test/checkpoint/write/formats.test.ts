import t from 'tap';
import { FILE_FORMATS, usualFileFormat } from '#halflight/checkpoint/write/formats.js';
import { STORED_FORMATS } from '#halflight/quant/formats.js';
import { integers } from './support.js';

t.test('integers go to compressed-tensors, tables to bitsandbytes', (t) => {
  t.equal(usualFileFormat(integers(4, 32)).name, 'compressed-tensors');
  t.equal(usualFileFormat(STORED_FORMATS['nf4-g64']).name, 'bitsandbytes');
  t.strictSame([...FILE_FORMATS.keys()], ['compressed-tensors', 'gptq', 'awq', 'bitsandbytes']);
  t.end();
});
