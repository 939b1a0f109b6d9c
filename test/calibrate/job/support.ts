import type { Test } from 'tap';
import { parseKeep } from '#halflight/calibrate/job/keep.js';
import { type JobPlan, planJob } from '#halflight/calibrate/job/plan.js';
import { parseScheme } from '#halflight/calibrate/job/schemes.js';
import { type Checkpoint, openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import type { FileFormat } from '#halflight/checkpoint/write/format.js';
import { FILE_FORMATS, usualFileFormat } from '#halflight/checkpoint/write/formats.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { type TinyModel, tinyDir } from '../../support/tiny.js';

interface Planned {
  readonly checkpoint: Checkpoint;
  readonly plan: JobPlan;
  readonly file: FileFormat;
}

interface Wishes {
  readonly format?: string;
  readonly keep?: readonly string[];
  readonly maxShardBytes?: number;
  readonly actOrder?: boolean;
}

/** The plan of a tiny model. */
export async function planTiny(
  t: Test,
  model: TinyModel,
  name: string,
  wishes: Wishes = {},
): Promise<Planned> {
  const checkpoint = await openCheckpoint(tinyDir(model));
  t.teardown(() => checkpoint.close());
  const scheme = parseScheme(name);
  const file = FILE_FORMATS.get(wishes.format ?? '') ?? usualFileFormat(scheme.format);
  const { keep = [], maxShardBytes = 1e9, actOrder = false } = wishes;
  const options = { scheme, file, keep: keep.map(parseKeep), maxShardBytes, actOrder };
  return { checkpoint, file, plan: planJob(await parseModelConfig(tinyDir(model)), checkpoint, options) };
}
