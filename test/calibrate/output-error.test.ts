import t from 'tap';
import { outputError } from '#halflight/calibrate/output-error.js';
import { Random } from '../support/random.js';
import { inputsOf, productError, statsOf } from './support.js';

t.test('it is the mean squared error of the products, of a row', (t) => {
  const [cols, numTokens] = [12, 50];
  const inputs = inputsOf(new Random(1), numTokens, cols);
  const delta = new Random(2).values(cols);
  const expected = productError(delta, new Float32Array(cols), inputs, cols);
  const error = outputError(Float64Array.from(delta), statsOf(inputs, cols));
  // Sums of some hundred terms in f64.
  t.ok(Math.abs(error - expected) < 1e-12 * expected, `${error} is ${expected}`);
  t.end();
});

t.test('without a Hessian inputs count by their squares, without statistics alike', (t) => {
  const stats = { ...statsOf(Float64Array.of(1, 2, 3, 0), 2), hessian: null };
  const delta = Float64Array.of(2, -3);
  t.equal(outputError(delta, stats), 4 * 5 + 9 * 2);
  t.equal(outputError(delta, null), 13);
  t.end();
});
