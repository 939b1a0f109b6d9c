import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { OPTIONS, type OptionName } from '../config.js';
import { UserError } from '../errors.js';
import type { Option } from '../option-kinds.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A command, as far as its settings concern it. */
export interface Configurable {
  readonly options: readonly OptionName[];
  /** Whether a setting `model` stands for a MODEL that the command line leaves out. */
  readonly takesModel: boolean;
}

/** Values of one option as they would stand on a command line, and where they stand instead. */
interface Setting {
  readonly texts: readonly string[];
  readonly where: string;
}

/** The environment variable of an option, such as `HALFLIGHT_PORT`. */
export function variableOf(name: string): string {
  return `HALFLIGHT_${name.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * The command line with what the environment and the file of `--config` say of options that it does not give. The command line goes
 * before the environment, the environment before the file; an option given in one place is not looked up in the next.
 * Throws UserError that names the variable or the key.
 */
export function withSettings(
  args: readonly string[],
  command: Configurable,
  env: Environment,
): readonly string[] {
  const given = givenIn(args, command.options);
  const file = given.config ?? env[variableOf('config')] ?? null;
  const keys = file === null || file === '' ? {} : readConfig(file);
  const find = (name: string) => ofVariable(name, env) ?? ofKey(name, keys, file ?? '');
  const options = command.options.filter((name) => !given.names.has(name) && name !== 'help');
  const words = options.flatMap((name) => wordsOf(name, find(name)));
  const lacksModel = command.takesModel && !given.hasModel && !given.names.has('model-config');
  const models =
    lacksModel && !words.some((word) => word.startsWith('--model-config=')) ? find('model') : null;
  return [...words, ...args, ...(models?.texts ?? [])];
}

/** What the command line itself says; its mistakes are told when it is parsed. */
function givenIn(args: readonly string[], names: readonly OptionName[]) {
  const options = Object.fromEntries(
    names.map((name) => [name, { type: OPTIONS[name].placeholder === null ? 'boolean' : 'string' } as const]),
  );
  const { tokens, values } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return {
    names: new Set(tokens.flatMap((token) => (token.kind === 'option' ? token.name : []))),
    hasModel: tokens.some(({ kind }) => kind === 'positional'),
    config: typeof values.config === 'string' ? values.config : null,
  };
}

function readConfig(file: string): Readonly<Record<string, unknown>> {
  const keys = parseFile(file);
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) {
    throw new UserError(`--config: ${file}: must be an object of options, such as {"port": 8001}`);
  }
  const unknown = Object.keys(keys).find((key) => key !== 'model' && !Object.hasOwn(OPTIONS, key));
  if (unknown !== undefined) throw new UserError(`--config: ${file}: ${unknown}: no such option; see --help`);
  return { ...keys };
}

function parseFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`--config: ${file}: ${reason.split('\n')[0]}`);
  }
}

function ofVariable(name: string, env: Environment): Setting | null {
  const where = variableOf(name);
  const text = env[where];
  if (text === undefined || text === '') return null;
  return { texts: isRepeated(name) ? text.split(',').map((part) => part.trim()) : [text], where };
}

/** null counts as not given. */
function ofKey(name: string, keys: Readonly<Record<string, unknown>>, file: string): Setting | null {
  const value = keys[name] ?? null;
  if (value === null) return null;
  const where = `--config: ${file}: ${name}`;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!values.every((one) => ['string', 'number', 'boolean'].includes(typeof one))) {
    throw new UserError(`${where}: must be a string, a number, true or false, or a list of them`);
  }
  const texts = values.map(String);
  return { texts: isRepeated(name) ? texts : [texts.join(',')], where };
}

function isRepeated(name: string): boolean {
  return name === 'model' || OPTIONS[name as OptionName].repeated;
}

const SWITCH: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false };

function wordsOf(name: OptionName, setting: Setting | null): readonly string[] {
  if (setting === null) return [];
  const option: Option<unknown> = OPTIONS[name];
  const { texts, where } = setting;
  if (option.placeholder !== null) {
    option.parse(texts, where);
    return texts.map((text) => `--${name}=${text}`);
  }
  const isOn = SWITCH[texts.join(',').toLowerCase()];
  if (isOn === undefined) throw new UserError(`${where}: a switch is 1 or true, 0 or false`);
  return isOn ? [`--${name}`] : [];
}
