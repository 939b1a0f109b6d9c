import t from 'tap';
import { COMMANDS } from '#halflight/commands/commands.js';
import { commandHelp, overview } from '#halflight/commands/help.js';

t.test('the overview has a line for each command', (t) => {
  const text = overview(COMMANDS);
  for (const { name, summary } of COMMANDS) t.match(text, new RegExp(`^  ${name} +${summary}$`, 'm'));
  t.end();
});

t.test('the help of a command has its usage, and a line for each of its options with the default', (t) => {
  for (const command of COMMANDS) {
    const text = commandHelp(command);
    t.match(text, new RegExp(`^Usage: halflight ${command.name}`));
    t.match(text, command.summary);
    for (const name of command.options) t.match(text, new RegExp(`^  --${name}[ \\n]`, 'm'));
  }
  const [serve] = COMMANDS;
  const bench = COMMANDS.find(({ name }) => name === 'bench') ?? serve;
  t.match(commandHelp(bench), /--concurrency 1,2,3 .*\(default 1,4,16\)/);
  t.match(commandHelp(serve), /--port N .*\(default 8000\)/);
  t.match(commandHelp(serve), /--dtype auto\|float32\|float16 /);
  t.end();
});
