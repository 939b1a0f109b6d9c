import t from 'tap';
import { activationConstants } from '#halflight/webgpu/activation-constants.js';

t.test('silu is the shaders’ default, so that it makes no pipeline of its own', (t) => {
  t.strictSame(activationConstants(), {});
  t.strictSame(activationConstants('silu'), {});
  t.strictSame(activationConstants('gelu'), { ACTIVATION: 1 });
  t.strictSame(activationConstants('gelu_tanh'), { ACTIVATION: 2 });
  t.strictSame(activationConstants('clamped_swish'), { ACTIVATION: 3 });
  t.end();
});
