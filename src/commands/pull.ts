import { parseLine, type Values } from '../config.js';
import { UserError } from '../errors.js';
import { parseRepository, type Repository } from '../hub/names.js';
import { pull } from '../hub/pull.js';
import { hubSettings } from '../hub/settings.js';
import { type HUB_OPTIONS, PULL_OPTIONS } from './options.js';
import { showProgress } from './progress.js';

/** Fetches a model and prints its path. Resolves with the exit code. */
export async function runPull(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, PULL_OPTIONS);
  const [name = ''] = positionals;
  const repository = parseRepository(name);
  if (repository === null || positionals.length > 1) {
    throw new UserError(
      `pull: takes one repository such as org/name, org/name@revision or gpt2, not ${JSON.stringify(positionals.join(' '))}`,
    );
  }
  process.stdout.write(`${await pullModel(repository, values)}\n`);
  return 0;
}

/** Fetches what the cache lacks of a model. Resolves with the path of its folder or GGUF file. Throws UserError. */
export async function pullModel(
  repository: Repository,
  values: Values<(typeof HUB_OPTIONS)[number]>,
): Promise<string> {
  const display = showProgress();
  try {
    return await pull(repository, {
      settings: hubSettings(process.env),
      localFilesOnly: values['local-files-only'],
      ggufFile: values['gguf-file'],
      onProgress: (done, total) => display.update({ stage: 'download', done, total }),
      onNote: (note) => display.update({ stage: 'download', done: 0, total: 0, note }),
    });
  } finally {
    display.stop();
  }
}
