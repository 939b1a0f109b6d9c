import t from 'tap';
import { decodeError, encodeError } from '#halflight/engine/protocol.js';
import { ApiError, CheckpointError, LoadCheckError, UserError } from '#halflight/errors.js';

t.test('an error keeps its class and its fields across a structured clone', async (t) => {
  const errors = [
    new ApiError('context_length_exceeded', 'too long', 'prompt'),
    new CheckpointError('model.safetensors', 'lm_head.weight', 'is cut off'),
    new UserError('no GPU'),
    new LoadCheckError('lm_head.weight', 'linear_tile', 'output 3 is NaN'),
    new TypeError('defect'),
  ];
  for (const error of errors) {
    const back = decodeError(structuredClone(encodeError(error)));
    t.equal(back.message, error.message);
    t.equal(back.stack?.split('\n').length, error.stack?.split('\n').length);
    if (!(error instanceof TypeError)) t.equal(back.constructor, error.constructor);
  }
  t.match(decodeError(encodeError(errors[0])), { code: 'context_length_exceeded', param: 'prompt' });
  t.match(decodeError(encodeError(errors[1])), { file: 'model.safetensors', field: 'lm_head.weight' });
});

t.test('what is thrown and no error becomes one', async (t) => {
  t.match(decodeError(encodeError('plain text')), { message: 'plain text' });
});
