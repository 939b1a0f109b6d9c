import t from 'tap';
import { budgetOf, choicesOf, chooseFormats } from '#halflight/calibrate/job/budget.js';
import { formatName } from '#halflight/quant/formats.js';
import { planTiny } from './support.js';

async function planned(t: Parameters<typeof planTiny>[0], format = 'compressed-tensors') {
  const { plan, file } = await planTiny(t, 'llama', 'int4-channel', { format });
  return { plan, choices: choicesOf(plan, file) };
}

t.test('ways to hold a matrix are those that the files have a place for, from small to large', async (t) => {
  const { choices } = await planned(t);
  t.equal(choices.length, 21);
  const [{ ways, spec }] = choices;
  const sizes = ways.map(({ bytes }) => bytes);
  t.strictSame(
    sizes,
    sizes.toSorted((a, b) => a - b),
  );
  t.ok(ways.every(({ format }) => format.groupSize === null || spec.cols % format.groupSize === 0));
  t.ok(ways.some(({ format }) => format.bits === 5));
  const gptq = await planned(t, 'gptq');
  t.notOk(gptq.choices.some((choice) => choice.ways.some(({ format }) => format.bits === 5)));
});

t.test('a target of bits is of the matrices alone, one of bytes of all that the files hold', async (t) => {
  const { plan, choices } = await planned(t);
  const bits = budgetOf({ unit: 'bits', amount: 5 }, choices, plan);
  t.equal(bits.bytes, Math.floor((5 * bits.numWeights) / 8));
  const bytes = budgetOf({ unit: 'bytes', amount: 600_000 }, choices, plan);
  t.equal(bytes.bytes, 600_000 - bytes.others);
  t.throws(() => budgetOf({ unit: 'bits', amount: 2 }, choices, plan), {
    name: 'UserError',
    message: /^--target-bits: 2: the smallest formats take \d\.\d{3} bits a weight/,
  });
  t.throws(() => budgetOf({ unit: 'bytes', amount: 10_000 }, choices, plan), {
    name: 'UserError',
    message: /^--target-size: 10000 bytes: with the smallest formats the weights take \d+ bytes/,
  });
});

t.test('the matrix that costs more gets the larger format, and the report says why', async (t) => {
  const { choices } = await planned(t);
  const two = choices.slice(0, 2).map((choice) => ({ ...choice, ways: choices[0].ways }));
  const [{ ways }] = two;
  const costs = [1, 100].map((weight) => ways.map(({ format }) => weight * 4 ** -format.bits));
  const budget = 2 * (ways.find(({ format }) => format.bits === 4)?.bytes ?? 0);
  const [first, second] = chooseFormats(two, costs, budget);
  t.ok(first.format.bits < second.format.bits, `${formatName(first.format)}, ${formatName(second.format)}`);
  t.match(second.why, /^expected divergence \d\.\d\de-\d in \d+ bytes; instead .* in int\d.* of \d+ bytes/);
});
