import { OPTIONS, type OptionName } from '../config.js';
import type { Option } from '../option-kinds.js';
import type { Command } from './commands.js';
import { variableOf } from './settings.js';

/** What `halflight --help` prints. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'halflight: an LLM inference server for quantized models, on any GPU',
    '',
    'Usage: halflight COMMAND [MODEL] [OPTIONS]',
    '',
    ...lines,
    '',
    '`halflight COMMAND --help` shows the options of a command.',
    '',
  ].join('\n');
}

/** What `halflight COMMAND --help` prints. */
export function commandHelp({ name, usage, summary, options }: Command): string {
  const heads = options.map(optionHead);
  const width = Math.max(0, ...heads.map((head) => head.length));
  const lines = options.map(
    (option, i) => `  ${heads[i].padEnd(width)}  ${OPTIONS[option].help}${preset(option)}`,
  );
  const list = lines.length === 0 ? [] : ['', ...lines];
  return [`Usage: halflight ${name} ${usage}`.trimEnd(), '', summary, ...list, ''].join('\n');
}

function optionHead(name: OptionName): string {
  const { placeholder } = OPTIONS[name];
  return placeholder === null ? `--${name}` : `--${name} ${placeholder}`;
}

function preset(name: OptionName): string {
  const given: unknown = OPTIONS[name].default;
  if (Array.isArray(given)) return given.length > 0 ? ` (default ${given.join(',')})` : '';
  const shown = typeof given === 'string' || typeof given === 'number';
  return shown ? ` (default ${given === Number.POSITIVE_INFINITY ? 'inf' : given})` : '';
}

/** The table of `docs/configuration.md`: every option once, with the commands that take it. */
export function optionTable(commands: readonly Command[]): readonly string[] {
  const all = [...new Set(commands.flatMap(({ options }) => options))].filter((name) => name !== 'help');
  return [
    '| option | environment | default | | commands |',
    '|---|---|---|---|---|',
    ...all.map((name) => `| ${optionCells(name, commands).join(' | ')} |`),
  ];
}

function optionCells(name: OptionName, commands: readonly Command[]): readonly string[] {
  const takers = commands.filter(({ options }) => options.includes(name));
  const where = takers.length === commands.length ? 'all' : takers.map((one) => one.name).join(', ');
  const option: Option<unknown> = OPTIONS[name];
  const given = preset(name).slice(' (default '.length, -1);
  const shown = option.placeholder === null ? 'off' : given;
  const cells = [`\`${optionHead(name)}\``, `\`${variableOf(name)}\``, shown, option.help, where];
  return cells.map((cell) => cell.replaceAll('|', '\\|'));
}
