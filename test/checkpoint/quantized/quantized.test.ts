import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openModelCheckpoint } from '#halflight/checkpoint/quantized/quantized.js';
import { formatName } from '#halflight/quant/formats.js';
import { temporaryFolder } from '../../support/models.js';
import {
  awqTensors,
  gptqTensors,
  openWritten,
  randomCoded,
  refusesWritten,
  sameCodes,
  writeCheckpoint,
} from './packers.js';

const coded = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 32, symmetric: true });
const GPTQ = { quant_method: 'gptq', bits: 4, group_size: 32, sym: true };
const plain = { name: 'b.weight', dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 2) } as const;

t.test('a checkpoint that nothing says is quantized is read as it is', async (t) => {
  const checkpoint = await openWritten(t, null, [plain]);
  t.equal(await checkpoint.stored('b.weight'), null);
  t.strictSame([...(await checkpoint.read('b.weight')).data], [0, 0, 128, 63, 0, 0, 0, 64]);
});

t.test('floats that were to be rounded by the scales beside them are refused', async (t) => {
  const scale = { ...plain, name: 'b.weight_fake_quant.scale', shape: [2] };
  await t.rejects(openWritten(t, null, [plain, scale]), {
    name: 'CheckpointError',
    message: /b\.weight_fake_quant\.scale: floats before fake quantization/,
  });
});

t.test('a matrix in codes stands in place of its parts, with their bytes', async (t) => {
  const tensors = gptqTensors('a', coded, 1);
  const checkpoint = await openWritten(t, GPTQ, [...tensors, plain]);
  t.strictSame([...checkpoint.tensors.keys()].sort(), ['a.weight', 'b.weight']);
  const bytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  t.match(checkpoint.tensors.get('a.weight'), { shape: [8, 64], bytes, storedAs: 'GPTQ 4-bit g32' });
  await t.rejects(checkpoint.read('a.weight'), {
    name: 'CheckpointError',
    message: /a\.weight: held in codes/,
  });
  await t.rejects(checkpoint.read('a.qzero'), { name: 'CheckpointError' });
});

t.test('older files of the configuration are found, and config.json comes first', async (t) => {
  const dir = await temporaryFolder(t);
  const open = async () => {
    const checkpoint = await openModelCheckpoint(dir);
    const packed = await checkpoint.stored('a.weight');
    await checkpoint.close();
    return packed;
  };
  await writeCheckpoint(dir, null, gptqTensors('a', coded, 1));
  await writeFile(join(dir, 'quantize_config.json'), JSON.stringify({ bits: 4, group_size: 32, sym: true }));
  sameCodes(t, await open(), coded);
  await writeCheckpoint(dir, GPTQ, gptqTensors('a', coded, 1));
  await writeFile(join(dir, 'quantize_config.json'), JSON.stringify({ bits: 8 }));
  sameCodes(t, await open(), coded);
  await writeCheckpoint(dir, null, awqTensors('a', coded));
  await rm(join(dir, 'quantize_config.json'));
  const awq = { w_bit: 4, q_group_size: 32, zero_point: true, version: 'GEMM' };
  await writeFile(join(dir, 'quant_config.json'), JSON.stringify(awq));
  const packed = await open();
  sameCodes(t, packed, coded);
  t.equal(packed && formatName(packed.format), 'int4-g32-asym');
});

t.test('an unknown method, or none, is named with those that are known', async (t) => {
  const known = 'known: gptq, awq, compressed-tensors, bitsandbytes, fp8, fbgemm_fp8, mxfp4';
  await refusesWritten(
    t,
    { quant_method: 'hqq' },
    [plain],
    new RegExp(`quant_method: "hqq" is not read; ${known}`),
  );
  await refusesWritten(t, { bits: 4 }, [plain], /config\.json: quantization_config\.quant_method: missing/);
});

t.test('a matrix that stands there twice is refused', async (t) => {
  const tensors = [...gptqTensors('b', coded, 1), plain];
  await refusesWritten(t, GPTQ, tensors, /b\.weight: stands beside b\.qweight/);
});
