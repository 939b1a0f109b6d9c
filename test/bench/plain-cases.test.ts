import t from 'tap';
import { plainCases } from '#halflight/bench/plain-cases.js';
import { runCases } from '../support/bench.js';
import { cpuContext } from '../support/bench-context.js';

t.test(
  'operations without weights are there once for each number of tokens, those on logits up to 64',
  async (t) => {
    const cases = runCases(plainCases(await cpuContext(), [2, 70]));
    t.strictSame(
      cases.map(([name, tokens]) => `${name} ${tokens}`),
      [
        'rms_norm 2',
        'activate 2',
        'rms_norm 70',
        'activate 70',
        'gather_rows 2',
        'edit_logits 2',
        'sample 2',
        'logprobs 2',
      ],
    );
    t.strictSame(cases[0], ['rms_norm', 2, 2 * (4 * 64 + 4 * 64) + 4 * 64, null]);
  },
);
