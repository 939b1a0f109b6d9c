import t from 'tap';
import { COMMANDS } from '#halflight/commands/commands.js';
import { OPTIONS } from '#halflight/config.js';

t.test('every option belongs to a command', (t) => {
  const used = new Set(COMMANDS.flatMap(({ options }) => options));
  t.strictSame(
    Object.keys(OPTIONS).filter((name) => !used.has(name as keyof typeof OPTIONS)),
    [],
  );
  t.end();
});

t.test('no command lists an option twice, and each prints its help', (t) => {
  for (const { name, options } of COMMANDS) {
    t.equal(new Set(options).size, options.length, name);
    t.ok(options.includes('help'), name);
  }
  t.end();
});
