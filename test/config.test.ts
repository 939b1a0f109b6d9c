import t, { type Test } from 'tap';
import { OPTIONS, type OptionName, parseLine } from '#halflight/config.js';
import { fixedLength } from '#halflight/option-kinds.js';
import { refuses } from './support/commands.js';

const ALL = Object.keys(OPTIONS) as OptionName[];

/** The value that `name` takes from the arguments. */
function parsed(name: OptionName, ...args: string[]): unknown {
  return parseLine(args, ALL).values[name];
}

t.test('an option that is not given has its default', (t) => {
  t.equal(parsed('port'), 8000);
  t.equal(parsed('host'), '127.0.0.1');
  t.equal(parsed('dtype'), 'auto');
  t.equal(parsed('json'), false);
  t.equal(parsed('max-model-len'), null);
  t.equal(parsed('kv-cache-memory'), null);
  t.strictSame(parsed('api-key'), []);
  t.equal(parsed('api-key-file'), null);
  t.equal(parsed('requests-per-minute'), null);
  t.equal(parsed('tokens-per-minute'), null);
  t.end();
});

t.test('an option takes the value that is written', (t) => {
  t.equal(parsed('port', '--port', '0'), 0);
  t.equal(parsed('port', '--port=8001'), 8001);
  t.equal(parsed('temperature', '--temperature', '.5'), 0.5);
  t.equal(parsed('temperature', '--temperature', '1e-1'), 0.1);
  t.equal(parsed('json', '--json'), true);
  t.equal(parsed('dtype', '--dtype', 'float16'), 'float16');
  t.equal(parsed('prompt', '--prompt', ''), '');
  t.equal(parsed('prompt', '--prompt=--json'), '--json');
  t.strictSame(parsed('prompt-token-ids', '--prompt-token-ids', '1, 2,3'), [1, 2, 3]);
  t.strictSame(parsed('api-key', '--api-key', 'a', '--api-key', 'b'), ['a', 'b']);
  t.end();
});

t.test('layers to offload are a number, or found', (t) => {
  const layers = (text: string) =>
    parseLine(['--offload-layers', text], ['offload-layers']).values['offload-layers'];
  t.equal(layers('12'), 12);
  t.equal(layers('auto'), 'auto');
  t.throws(() => layers('some'), { message: /^--offload-layers: "some" is not a whole number/ });
  t.end();
});

t.test('lengths are one number, a range, or a distribution', (t) => {
  const lengths = {
    '128': { shape: 'fixed', mean: 128, spread: 0 },
    '64-256': { shape: 'uniform', mean: 160, spread: 96 },
    'normal:100:20': { shape: 'normal', mean: 100, spread: 20 },
    'lognormal:100:50': { shape: 'lognormal', mean: 100, spread: 50 },
    'exponential:100': { shape: 'exponential', mean: 100, spread: 0 },
  };
  for (const [text, value] of Object.entries(lengths))
    t.strictSame(parsed('input-len', '--input-len', text), value, text);
  const one = parseLine(['--input-len', '5'], ['input-len']).values['input-len'];
  t.equal(fixedLength(one, '--input-len'), 5);
  t.throws(() => fixedLength({ ...one, shape: 'uniform' }, '--input-len'), {
    message: /^--input-len: takes one number here/,
  });
  t.end();
});

t.test('a rate is a number, or inf', (t) => {
  t.equal(parsed('request-rate'), Number.POSITIVE_INFINITY);
  t.equal(parsed('request-rate', '--request-rate', 'inf'), Number.POSITIVE_INFINITY);
  t.equal(parsed('request-rate', '--request-rate', '2.5'), 2.5);
  t.end();
});

t.test('the last of an option given twice counts', (t) => {
  t.equal(parsed('port', '--port', '1', '--port', '2'), 2);
  t.end();
});

t.test('sizes are bytes, decimal or binary units', (t) => {
  const sizes = { '512': 512, '1KB': 1000, '1.5 kib': 1536, '512MiB': 2 ** 29, '4GB': 4e9, '1GiB': 2 ** 30 };
  for (const [text, bytes] of Object.entries(sizes)) {
    t.equal(parsed('kv-cache-memory', '--kv-cache-memory', text), bytes, text);
  }
  t.end();
});

t.test('what is no option is a positional argument', (t) => {
  t.strictSame(parseLine(['a', '--json', 'b'], ALL).positionals, ['a', 'b']);
  t.end();
});

const REFUSED: readonly (readonly [readonly string[], RegExp])[] = [
  [['--port', 'abc'], /^--port: "abc" is not a whole number from 0 to 65535$/],
  [['--port', '1.5'], /^--port: "1\.5" is not a whole number/],
  [['--port', '65536'], /^--port: /],
  [['--port', ''], /^--port: "" is not/],
  [['--port'], /^--port: needs a value$/],
  [['--port', '--json'], /^--port: needs a value; .* --port=-VALUE$/],
  [['--temperature', 'nan'], /^--temperature: "nan" is not a number from 0 to 100$/],
  [['--temperature', 'Infinity'], /^--temperature: /],
  [['--temperature', '0x10'], /^--temperature: /],
  [['--temperature=-1'], /^--temperature: "-1" is not/],
  [['--temperature', '-1'], /^--temperature: needs a value/],
  [['--top-p', '0'], /^--top-p: "0" is not a number from 0\.001 to 1$/],
  [['--max-tokens', '0'], /^--max-tokens: /],
  [['--prompt-token-ids', '1,,2'], /^--prompt-token-ids: "" is not a whole number/],
  [['--prompt-token-ids', '1,-2'], /^--prompt-token-ids: "-2"/],
  [['--dtype', 'bf16'], /^--dtype: "bf16" is none of auto, float32, float16$/],
  [['--log-level', 'loud'], /^--log-level: "loud" is none of fatal/],
  [['--kv-cache-memory', '4 apples'], /^--kv-cache-memory: "4 apples" is no size such as 512MiB/],
  [['--kv-cache-memory', '-1'], /^--kv-cache-memory: /],
  [['--input-len', '0'], /^--input-len: "0" is no length from 1 to/],
  [['--input-len', '9-3'], /^--input-len: "9-3" is no length/],
  [['--input-len', '0-3'], /^--input-len: "0-3" is no length/],
  [['--input-len', 'normal:5'], /^--input-len: "normal:5" is no length .* normal:MEAN:STD/],
  [['--output-len', '1'], /^--output-len: "1" is no length from 2 to/],
  [['--input-len', '99999999'], /^--input-len: /],
  [['--request-rate', 'many'], /^--request-rate: "many" is not a number/],
  [['--json=yes'], /^--json: takes no value$/],
  [['--bogus'], /^--bogus: no such option; see --help$/],
  [['-p', '1'], /^-p: no such option/],
];

for (const [args, line] of REFUSED) {
  t.test(`${args.join(' ')} is refused in one line that names the option`, (t: Test) =>
    refuses(t, () => parseLine(args, ALL), line),
  );
}

t.test('an option of another command is refused', (t) =>
  refuses(t, () => parseLine(['--json'], ['help']), /^--json: no such option/),
);
