import t, { type Test } from 'tap';
import { type FindFolds, findFolds } from '#halflight/calibrate/find-folds.js';
import { foldsOf } from '#halflight/calibrate/folds.js';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { Random } from '../support/random.js';
import { tinyDir } from '../support/tiny.js';
import { statsOf } from './support.js';

/** Statistics are known of all layers but the second. */
async function find(t: Test, changes: Pick<FindFolds, 'scales' | 'kinds'>) {
  const checkpoint = await openSafetensors(`${tinyDir('llama')}/model.safetensors`);
  t.teardown(() => checkpoint.close());
  const statsFor = async (name: string) => {
    const cols = name.includes('down') ? 128 : 64;
    const inputs = Float64Array.from(new Random(1).values(3 * cols));
    return name.includes('layers.1') ? null : statsOf(inputs, cols);
  };
  const folds = foldsOf(await parseModelConfig(tinyDir('llama')));
  return findFolds({ checkpoint, folds, statsOf: statsFor, ...changes });
}

t.test('each fold has the scales that its matrices and their inputs give', async (t) => {
  const rows: number[][] = [];
  const found = await find(t, {
    scales: ({ matrices, stats }) => {
      rows.push(matrices.map((matrix) => matrix.rows));
      return stats.maxMagnitudes;
    },
  });
  t.strictSame(
    found.map(({ layer, stack, scales }) => [layer, stack, scales.length]),
    [
      [0, 'qkv', 64],
      [0, 'gateUp', 64],
      [0, 'down', 128],
      [2, 'qkv', 64],
      [2, 'gateUp', 64],
      [2, 'down', 128],
    ],
  );
  t.strictSame(rows.slice(0, 3), [[64, 32, 32], [128, 128], [64]]);
});

t.test('folds that are better left alone, or are not wanted, are not there', async (t) => {
  t.strictSame(await find(t, { scales: () => null }), []);
  const norms = await find(t, { scales: ({ stats }) => stats.meanSquares, kinds: ['norm'] });
  t.strictSame(
    norms.map(({ stack }) => stack),
    ['qkv', 'gateUp', 'qkv', 'gateUp'],
  );
});
