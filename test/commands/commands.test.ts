import t from 'tap';
import { COMMANDS, findCommand } from '#halflight/commands/commands.js';
import { refuses } from '../support/commands.js';

t.test('every command refuses an option that it does not know', async (t) => {
  for (const { run } of COMMANDS) await refuses(t, () => run(['--bogus']), /^--bogus: no such option/);
});

t.test('every command with a model refuses one that is not there', async (t) => {
  const needed: Record<string, readonly string[]> = {
    generate: ['--prompt', 'a'],
    eval: ['--text', 'a'],
    bench: ['throughput'],
  };
  for (const { name, run } of COMMANDS.filter(({ usage }) => usage.includes('MODEL'))) {
    await refuses(
      t,
      () => run([...(needed[name] ?? []), '/nowhere']),
      /^MODEL: \/nowhere: no such directory/,
    );
  }
});

t.test('doctor takes no argument', async (t) => {
  const doctor = COMMANDS.find(({ name }) => name === 'doctor');
  await refuses(t, () => doctor?.run(['now']), /^doctor: takes no argument, but got now$/);
});

t.test('a command of two words is found before one of its first word', (t) => {
  t.match(findCommand(COMMANDS, ['bench', 'serve', '--json']), {
    command: { name: 'bench serve' },
    args: ['--json'],
  });
  t.match(findCommand(COMMANDS, ['bench', 'kernels']), { command: { name: 'bench' }, args: ['kernels'] });
  t.equal(findCommand(COMMANDS, ['bogus']), null);
  t.equal(findCommand(COMMANDS, []), null);
  t.end();
});
