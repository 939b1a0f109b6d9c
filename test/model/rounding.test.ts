import t from 'tap';
import type { TensorInfo } from '#halflight/checkpoint/checkpoint.js';
import {
  activationOption,
  roundingOf,
  roundsActivations,
  sharedRounding,
} from '#halflight/model/rounding.js';
import { BY_BLOCK, BY_TOKEN } from '#halflight/quant/rounding.js';

const info = (more: Partial<TensorInfo>): TensorInfo => ({
  ...{ name: 'a', dtype: 'I8', shape: [1, 1], file: 'f', offset: 0, bytes: 1 },
  ...more,
});
const fixed = (scale: number) => ({ scale, outliers: null });

t.test(
  'without an option the checkpoint says how each product takes activations, with one none does',
  (t) => {
    t.equal(activationOption(null), 'stored');
    t.equal(activationOption('int8'), null);
    t.strictSame(activationOption('w8a8'), BY_BLOCK);
    t.strictSame(activationOption('llm-int8', 4), { scale: 'token', outliers: 4 });
    const stored = info({ rounding: BY_TOKEN });
    t.strictSame(
      (['stored', null, BY_BLOCK] as const).map((option) => roundingOf(stored, option)),
      [BY_TOKEN, null, BY_BLOCK],
    );
    t.equal(roundingOf(info({}), 'stored'), null);
    t.equal(roundingOf(undefined, 'stored'), null);
    t.end();
  },
);

t.test('matrices that share activations take the widest static scale, and floats where one must', (t) => {
  t.strictSame(sharedRounding([fixed(0.5), fixed(2), fixed(1)]), fixed(2));
  t.strictSame(sharedRounding([BY_TOKEN, BY_TOKEN]), BY_TOKEN);
  t.strictSame(sharedRounding([fixed(1), BY_TOKEN]), BY_TOKEN);
  t.equal(sharedRounding([BY_TOKEN, null]), null);
  t.equal(sharedRounding([]), null);
  t.end();
});

t.test('a model rounds activations where some matrix has them rounded, or all are to be', (t) => {
  const tensors = (...infos: TensorInfo[]) => ({ tensors: new Map(infos.map((one, i) => [`t${i}`, one])) });
  t.ok(roundsActivations(tensors(info({}), info({ rounding: BY_TOKEN })), 'stored'));
  t.notOk(roundsActivations(tensors(info({})), 'stored'));
  t.ok(roundsActivations(tensors(info({})), BY_BLOCK));
  t.notOk(roundsActivations(tensors(info({ rounding: BY_TOKEN })), null));
  t.end();
});
