import t from 'tap';
import { budgetLine, parseSize, sizeText, withBudget } from '#halflight/commands/quantize-target.js';

const NONE = { scheme: null, 'target-bits': null, 'target-size': null };

t.test('one of scheme, bits and size is given at most', (t) => {
  t.equal(parseSize(NONE), null);
  t.equal(parseSize({ ...NONE, scheme: 'int4' }), null);
  t.strictSame(parseSize({ ...NONE, 'target-bits': 4.5 }), { unit: 'bits', amount: 4.5 });
  t.strictSame(parseSize({ ...NONE, 'target-size': 3e6 }), { unit: 'bytes', amount: 3e6 });
  t.throws(() => parseSize({ ...NONE, scheme: 'int4', 'target-bits': 4 }), /^--scheme: /);
  t.throws(() => parseSize({ ...NONE, 'target-size': 1, 'target-bits': 4 }), /^--target-size: /);
  t.end();
});

t.test('a budget is told in bytes and in bits a weight', (t) => {
  const target = { unit: 'bytes', amount: 3000 } as const;
  const budget = { target, bytes: 2000, least: 1000, most: 8000, numWeights: 4000, others: 1000 };
  t.equal(sizeText(target), '3000 bytes');
  t.match(
    budgetLine(budget),
    /2\.00 kB \(4\.000 bits a weight\) of 3\.00 kB for all weights .* \(2\.000 .* \(16\.000/,
  );
  const flight = {
    sourceBytes: 1,
    outputBytes: 2,
    peakBytes: 3,
    deviceBytes: 0,
    numWeights: 4,
    formats: new Map(),
    exceptions: [],
  };
  t.equal(withBudget(flight, null), flight);
  const mixing = { budget, choices: [], options: {} } as unknown as Parameters<typeof withBudget>[1];
  t.match(withBudget(flight, mixing), { outputBytes: 3000, budget });
  t.end();
});
