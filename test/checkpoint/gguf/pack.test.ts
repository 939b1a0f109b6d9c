import t from 'tap';
import { blockBytes, isWrittenType, WRITTEN_TYPES } from '#halflight/checkpoint/gguf/pack.js';
import { packBlocks } from '#halflight/checkpoint/gguf/repack.js';
import { GGUF_TYPES } from '#halflight/checkpoint/gguf/types.js';
import { seededIntegers } from '../support.js';

t.test('blocks of random bytes come back byte by byte from their codes and scales', (t) => {
  const integer = seededIntegers(11);
  for (const type of WRITTEN_TYPES) {
    const { elements, bytes } = GGUF_TYPES[type];
    const [rows, blocks] = [3, 5];
    const data = Uint8Array.from({ length: rows * blocks * bytes }, () => integer(256));
    t.strictSame(blockBytes(type, packBlocks(type, data, rows, blocks * elements)), data, type);
  }
  t.end();
});

t.test('types that are read alone are not written', (t) => {
  t.notOk(isWrittenType('IQ4_XS') || isWrittenType('F16'));
  t.ok(isWrittenType('Q4_K'));
  t.end();
});
