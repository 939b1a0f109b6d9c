import t from 'tap';
import { reportMarkdown, tensorReport } from '#halflight/calibrate/job/report.js';
import { planTiny } from './support.js';

t.test('tells of each tensor its format, method, error, bytes and notes', async (t) => {
  const { plan } = await planTiny(t, 'llama', 'int4-g128');
  const matrix = plan.tasks.find(({ kind }) => kind === 'matrix') ?? plan.tasks[0];
  const entry = { tensor: matrix.info.name, error: 0.25, notes: ['a | b'], seconds: 1 };
  const told = tensorReport(matrix, entry, 'rtn');
  t.match(told, { method: 'rtn', error: 0.25, notes: [/not divided by groups of 128/, 'a | b'] });
  const copied = tensorReport(plan.tasks[0], { ...entry, error: null, notes: [] }, 'rtn');
  t.match(copied, { method: null, error: null, notes: [] });
  const text = reportMarkdown({
    halflight: '1.0.0',
    options: {
      model: 'tiny',
      scheme: 'int4-g128',
      method: 'rtn',
      format: 'gptq',
      keep: [],
      withTables: false,
    },
    calibration: { files: ['a.txt'], numSamples: 2, numTokens: 20, sha256: 'abc' },
    sourceBytes: 100,
    outputBytes: 50,
    sha256: 'def',
    files: [{ name: 'model.safetensors', bytes: 50, sha256: '012' }],
    tensors: [told, copied],
    timing: { node: '20.0.0', seconds: 1.25, tensors: {} },
  });
  t.match(text, /calibration: 20 tokens in 2 pieces of a.txt/);
  t.match(text, /\| rtn \| 2.500e-1 \| \d+ \| .*groups of 128; a \\\| b \|/);
  t.match(text, /\| copied \| {2}\|/);
});
