#!/usr/bin/env node
import { COMMANDS, findCommand } from './commands/commands.js';
import { commandHelp, overview } from './commands/help.js';
import { withSettings } from './commands/settings.js';
import { readSoftwareVulkan, softwareVectors } from './commands/software-vectors.js';
import { packageVersion } from './commands/version.js';
import { CheckpointError, LoadCheckError, UserError } from './errors.js';

/** Runs the command that the arguments name. Resolves with the exit code. */
async function main(line: readonly string[]): Promise<number> {
  const found = findCommand(COMMANDS, line);
  if (found === null) return withoutCommand(line[0] ?? '--help');
  const { command, args } = found;
  if (!args.includes('--help') && !args.includes('-h')) {
    // Read by the driver when it is loaded, which no command has done yet.
    Object.assign(process.env, softwareVectors(readSoftwareVulkan(process.env), process.env));
    const settings = { options: command.options, takesModel: command.name === 'serve' };
    return command.run(withSettings(args, settings, process.env));
  }
  process.stdout.write(commandHelp(command));
  return 0;
}

function withoutCommand(name: string): number {
  if (['help', '--help', '-h'].includes(name)) process.stdout.write(overview(COMMANDS));
  else if (['version', '--version', '-v'].includes(name)) process.stdout.write(`${packageVersion()}\n`);
  else {
    const known = COMMANDS.map((command) => command.name).join(', ');
    throw new UserError(`${JSON.stringify(name)} is no command; there are ${known}; see --help`);
  }
  return 0;
}

/** A mistake of the user is one line; ours shows where it happened. */
function report(error: unknown): void {
  const known = [UserError, CheckpointError, LoadCheckError].some((known) => error instanceof known);
  const text = error instanceof Error && !known ? error.stack : `halflight: ${messageOf(error)}`;
  process.stderr.write(`${text}\n`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whoever reads the output may stop early, as `head` does: nothing is wrong then. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}

process.stdout.on('error', endWithReader);
process.stderr.on('error', endWithReader);
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    report(error);
    process.exit(1);
  },
);
