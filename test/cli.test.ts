import t from 'tap';
import { packageVersion } from '#halflight/commands/version.js';
import { Cli, halflight } from './support/cli.js';

t.test('without a command, and when asked, it shows the commands', async (t) => {
  for (const args of [[], ['--help'], ['help'], ['-h']]) {
    const { code, stdout, stderr } = await halflight(...args);
    t.match(stdout, /Usage: halflight COMMAND/, args.join(' '));
    t.strictSame({ code, stderr }, { code: 0, stderr: '' });
  }
});

t.test('each command has a help of its own', async (t) => {
  const { code, stdout } = await halflight('serve', '--port', 'abc', '--help');
  t.match(stdout, /^Usage: halflight serve \[MODEL\]/);
  t.equal(code, 0);
});

t.test('it tells its version', async (t) => {
  t.match(await halflight('--version'), { code: 0, stdout: `${packageVersion()}\n` });
});

const MISTAKES: Readonly<Record<string, RegExp>> = {
  bogus: /^halflight: "bogus" is no command; there are serve, .*; see --help\n$/,
  'serve --port abc': /^halflight: --port: "abc" is not a whole number from 0 to 65535\n$/,
  'serve /nowhere': /^halflight: MODEL: \/nowhere: no such directory; .*\n$/,
};

for (const [line, expected] of Object.entries(MISTAKES)) {
  t.test(`a mistake as in "${line}" is one line on standard error and exit code 1`, async (t) => {
    const { code, stdout, stderr } = await halflight(...line.split(' '));
    t.match(stderr, expected);
    t.strictSame({ code, stdout }, { code: 1, stdout: '' });
  });
}

t.test('a reader that goes away ends it quietly', async (t) => {
  const cli = new Cli(['inspect', '--json']);
  cli.hangUp();
  t.match(await cli.ended(), { code: 0, stderr: '' });
});
