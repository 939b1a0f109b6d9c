import t from 'tap';
import { parseSchemes } from '#halflight/commands/schemes.js';
import { refuses } from '../support/commands.js';
import { fable } from '../support/models.js';
import { tinyOptions } from '../support/tiny.js';

t.test('names are formats, the model as it is stored, or paths of models', (t) => {
  const options = tinyOptions('llama');
  const [full, int8, other] = parseSchemes('--variants', ['fp16', 'int8', fable], options);
  t.strictSame(full, { scheme: 'full', options });
  t.strictSame(int8, { scheme: 'int8', options: { ...options, quantization: 'int8' } });
  t.strictSame(other, { scheme: fable, options: { ...options, modelDir: fable } });
  t.end();
});

t.test('a name that is unknown or comes twice is refused with its flag', async (t) => {
  const parse = (...names: string[]) => parseSchemes('--variants', names, tinyOptions('llama'));
  await refuses(t, () => parse('full', 'int7x'), /^--variants: "int7x" is no model, and none of full, /);
  await refuses(t, () => parse('full', 'fp16'), /^--variants: full is named twice/);
});
