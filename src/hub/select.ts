import { UserError } from '../errors.js';

/** Which of a repository's files a model takes. */
export interface Selection {
  /** Paths within the repository; weights are the last. */
  readonly files: readonly string[];
  /** The GGUF file that is the model, the first where it is split; null where the folder is. */
  readonly gguf: string | null;
}

/** What the user said about GGUF files; both null for nothing. */
export interface GgufChoice {
  /** Path or name of the file. */
  readonly file: string | null;
  /** In the file's name, such as `Q4_K_M`. */
  readonly quantization: string | null;
}

/** All that tells how to read weights, how text becomes tokens, or how hidden states become an embedding. */
const SETTINGS: readonly string[] = [
  'config.json',
  'generation_config.json',
  'quantize_config.json',
  'quant_config.json',
  'hf_quant_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
  '1_Pooling/config.json',
];

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const SPLIT = /-(\d{5})-of-(\d{5})(?=\.\w+$)/;

/**
 * The files of a model: its settings and safetensors from the repository's root, or one GGUF file.
 * @throws UserError where there are none that can be read, or the choice is the user's
 */
export function selectFiles(repository: string, paths: readonly string[], choice: GgufChoice): Selection {
  const roots = paths.filter((path) => !path.includes('/'));
  const weights = chooseSafetensors(repository, roots);
  const asked = choice.file !== null || choice.quantization !== null;
  if (asked || weights.length === 0) return selectGguf(repository, paths, choice);
  if (!roots.includes('config.json'))
    throw new UserError(`${repository}: has no config.json beside its weights, so it cannot be read`);
  checkParts(repository, weights);
  return { files: [...SETTINGS.filter((name) => paths.includes(name)), ...weights], gguf: null };
}

/** As the checkpoint reads them: one file, else the shards of the index, else the only file there is. */
function chooseSafetensors(repository: string, roots: readonly string[]): readonly string[] {
  if (roots.includes(WEIGHTS)) return [WEIGHTS];
  const all = roots.filter((name) => name.endsWith('.safetensors'));
  const named = all.filter((name) => name.startsWith('model'));
  const chosen = named.length > 0 ? named : all;
  const shards = chosen.filter((name) => SPLIT.test(name));
  if (chosen.length > 0 && roots.includes(INDEX)) return [INDEX, ...(shards.length > 0 ? shards : chosen)];
  if (chosen.length <= 1) return chosen;
  throw new UserError(`${repository}: which of ${listed(chosen)} to read is unclear without ${INDEX}`);
}

function selectGguf(repository: string, paths: readonly string[], choice: GgufChoice): Selection {
  const all = paths.filter((path) => /\.gguf$/i.test(path) && (SPLIT.exec(path)?.[1] ?? '00001') === '00001');
  if (all.length === 0) throw noGguf(repository, paths, choice);
  const fitting = all.filter((path) => fits(path, choice));
  const found = choice.file === null ? fitting.filter(isModel) : fitting;
  if (found.length !== 1) throw unclearGguf(repository, all.filter(isModel), found, choice);
  const parts = paths.filter((path) => withoutPart(path) === withoutPart(found[0]));
  checkParts(repository, parts);
  return { files: parts.sort(), gguf: found[0] };
}

/** Beside the models lie projectors of images, and the statistics that a quantization was made with. */
function isModel(path: string): boolean {
  return !/mmproj|imatrix/i.test(path);
}

/** Any part of a split file stands for it, and so does its name without a part's number. */
function fits(path: string, { file, quantization }: GgufChoice): boolean {
  if (file !== null) return `/${withoutPart(path)}`.endsWith(`/${withoutPart(file)}`);
  if (quantization === null) return true;
  const words = baseName(withoutPart(path)).toUpperCase().split(/[-.]/);
  const wanted = quantization.toUpperCase();
  return words.some((word) => word === wanted || word.endsWith(`_${wanted}`));
}

/** Shards say how many there are: one that is missing shows before the others are fetched. */
function checkParts(repository: string, paths: readonly string[]): void {
  const parts = paths.filter((path) => SPLIT.test(path));
  const total = Number(SPLIT.exec(parts[0] ?? '')?.[2] ?? 0);
  const there = new Set(parts.map((path) => Number(SPLIT.exec(path)?.[1])));
  for (let part = 1; part <= total; part++) {
    if (there.has(part)) continue;
    const name = parts[0].replace(SPLIT, `-${String(part).padStart(5, '0')}-of-$2`);
    throw new UserError(`${repository}: ${name}: missing`);
  }
}

function noGguf(repository: string, paths: readonly string[], choice: GgufChoice): UserError {
  if (choice.file !== null || choice.quantization !== null)
    return new UserError(`${repository}: has no GGUF file; leave --gguf-file and :QUANTIZATION out`);
  const others = paths.filter((path) => /\.(safetensors|bin|pt|pth|h5|msgpack|onnx)$/.test(path));
  const found = others.length === 0 ? '' : `, but ${listed(others)}`;
  return new UserError(
    `${repository}: has no weights that are read: neither *.safetensors in its root nor *.gguf${found}`,
  );
}

function unclearGguf(
  repository: string,
  all: readonly string[],
  found: readonly string[],
  { file, quantization }: GgufChoice,
): UserError {
  const asked = file ?? quantization;
  const problem =
    asked !== null && found.length === 0 ? `has no GGUF file ${asked}` : 'has several GGUF files';
  const choices = found.length === 0 ? all : found;
  return new UserError(`${repository}: ${problem}; name one by --gguf-file: ${listed(choices)}`);
}

function withoutPart(path: string): string {
  return path.replace(SPLIT, '');
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.\w+$/, '');
}

function listed(names: readonly string[]): string {
  return names.length <= 40 ? names.join(', ') : `${names.slice(0, 40).join(', ')} …`;
}
