import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  type Files,
  importCycles,
  leftovers,
  longFiles,
  longFunctions,
  MAX_FILE_LINES,
  MAX_FUNCTION_LINES,
  moduleState,
  upwardImports,
  wgslInTypeScript,
  withoutTests,
} from './support/architecture.js';
import { root } from './support/paths.js';

interface Rule {
  readonly sentence: string;
  readonly check: (files: Files) => readonly string[];
  /** The check as the project must pass it, where it knows exceptions. */
  readonly checkProject?: (files: Files) => readonly string[];
  /** Each must be found by the check. */
  readonly faults: readonly Readonly<Record<string, string>>[];
  /** Looks like a fault and is none. */
  readonly harmless: Readonly<Record<string, string>>;
}

/** Files whose behaviour shows in another file's test: the reason stands beside each. */
const TESTED_BY: Readonly<Record<string, string>> = {
  // The kinds of options show in the table of all options.
  'src/option-kinds.ts': 'test/config.test.ts',
  // The names that a request may use: the routes of the models show all of it.
  'src/server/context.ts': 'test/server/routes/models.test.ts',
  // Defaults that only mean something to a command line.
  'src/engine/options.ts': 'test/commands/model-options.test.ts',
  // Types of operands, and how a row is padded.
  'src/ops/operands.ts': 'test/ops/cpu.test.ts',
  // Two lines: it only runs in a process of its own.
  'src/text/template-worker.ts': 'test/text/template-process.test.ts',
  // Which fields there are is held against the page; what they may be is refused by the routes.
  'src/server/chat-schemas.ts': 'test/server/schemas.test.ts',
  // The process's entry: it only runs in a process of its own.
  'src/bench/serve/client-main.ts': 'test/bench/serve/client.test.ts',
  // Three lines: it only runs in a thread of its own.
  'src/grammar/worker.ts': 'test/grammar/thread.test.ts',
  // The names of what two threads say to each other, and a clock for both.
  'src/grammar/protocol.ts': 'test/grammar/worker-main.test.ts',
  // A class that is only a name.
  'src/grammar/grammar-error.ts': 'test/grammar/convert.test.ts',
  // The thread's entry, three lines: it runs with the real model and the real runner.
  'src/engine/worker.ts': 'test/integration/concurrency.test.ts',
};

// Faults are written in pieces where the checks would otherwise find them in this file.
const MARK = ['TO', 'DO'].join('');
const ANY = ['a', 'ny'].join('');

const RULES: readonly Rule[] = [
  {
    sentence: 'a file imports only from its own layer and those below',
    check: upwardImports,
    faults: [
      { 'src/quant/int4.ts': "import { cpuOps } from '../ops/cpu.js';" },
      { 'src/webgpu/adapter.ts': "import type { Engine } from '../engine/types.js';" },
      { 'src/errors.ts': "export { serve } from './commands/serve.js';" },
      { 'src/ops/cpu.ts': "const later = () => import('../webgpu/ops.js');" },
      { 'src/model/forward.ts': "import '#halflight/server/app.js';" },
      { 'src/engine/start.ts': "new Worker(new URL('../server/worker.js', import.meta.url));" },
      { 'src/utils/misc.ts': 'export const x = 1;' },
    ],
    harmless: {
      'src/ops/cpu.ts': "import { unpack } from '../quant/int4.js'; import fs from 'node:fs';",
      'src/engine/start.ts': "new Worker(new URL('./worker.js', import.meta.url));",
    },
  },
  {
    sentence: 'no file imports itself in the end',
    check: importCycles,
    faults: [
      {
        'src/ops/a.ts': "import './b.js';",
        'src/ops/b.ts': "import './c.js';",
        'src/ops/c.ts': "import './a.js';",
      },
      {
        'src/ops/a.ts': "import type { B } from './b.js';",
        'src/ops/b.ts': "import type { A } from './a.js';",
      },
    ],
    harmless: {
      'src/ops/a.ts': "import './b.js'; import './c.js';",
      'src/ops/b.ts': "import './c.js';",
      'src/ops/c.ts': '',
    },
  },
  {
    sentence: `no source file or shader has more than ${MAX_FILE_LINES} lines`,
    check: longFiles,
    faults: [
      { 'src/ops/cpu.ts': 'x;\n'.repeat(MAX_FILE_LINES + 1) },
      { 'shaders/lib/reduce_workgroup.wgsl': '\n'.repeat(MAX_FILE_LINES + 1) },
    ],
    harmless: { 'src/ops/cpu.ts': 'x;\n'.repeat(MAX_FILE_LINES) },
  },
  {
    sentence: `no function has more than ${MAX_FUNCTION_LINES} lines`,
    check: longFunctions,
    faults: [
      { 'src/ops/cpu.ts': `function f() {${'\n'.repeat(MAX_FUNCTION_LINES)}}` },
      { 'src/ops/cpu.ts': `class C { m() {${'\n'.repeat(MAX_FUNCTION_LINES)}} }` },
      { 'src/ops/cpu.ts': `const f = () => {${'\n'.repeat(MAX_FUNCTION_LINES)}};` },
    ],
    harmless: { 'src/ops/cpu.ts': `function f() {${'\n'.repeat(MAX_FUNCTION_LINES - 1)}}` },
  },
  {
    sentence: 'no shader stands in TypeScript',
    check: wgslInTypeScript,
    faults: [
      { 'src/webgpu/ops.ts': 'const code = `@compute fn main() {}`;' },
      { 'src/webgpu/ops.ts': 'const code = `var<storage, read> x: array<f32>;`;' },
    ],
    harmless: { 'shaders/copy.wgsl': '@compute @workgroup_size(64) fn main() {}' },
  },
  {
    sentence: 'nothing is left for later, and no type is given up',
    check: leftovers,
    faults: [
      { 'src/a.ts': `// ${MARK}: finish` },
      { 'shaders/a.wgsl': `// ${MARK}` },
      { 'src/a.ts': `function f(x: ${ANY}) {}` },
      { 'src/a.ts': `const x = y as ${ANY};` },
      { 'src/a.ts': `const x: Map<string, ${ANY}[]> = y;` },
      { 'src/a.ts': `// @ts-${'ignore'}` },
      { 'test/a.test.ts': `t${'.only'}('a test', () => {});` },
    ],
    harmless: { 'src/a.ts': '/** Runs as any user: any of them. */\nexport const company: anyone = 1;' },
  },
  {
    sentence: 'no module has state that changes',
    check: moduleState,
    faults: [
      { 'src/a.ts': 'let count = 0;' },
      { 'src/a.ts': 'export let count = 0;' },
      { 'src/a.ts': 'const cache = new Map<string, number>();' },
      { 'src/a.ts': 'const seen: string[] = [];' },
    ],
    harmless: { 'src/a.ts': "const KINDS = new Set(['a']);\nfunction f() {\n  let i = 0;\n}" },
  },
  {
    sentence: 'every source file with code has a test at the same place under test/',
    check: withoutTests,
    checkProject: (files) => withoutTests(files, TESTED_BY),
    faults: [
      { 'src/quant/int4.ts': 'export const x = 1;' },
      { 'src/quant/int4.ts': 'export function f() {}', 'test/quant/int8.test.ts': '' },
    ],
    harmless: {
      'src/quant/int4.ts': 'export const x = 1;',
      'test/quant/int4.test.ts': '',
      'src/webgpu/ops.ts': 'export class Ops {}',
      'test/webgpu/ops/linear.test.ts': '',
      'src/engine/types.ts': "import type { A } from './a.js';\nexport type { A };\nexport interface B {}",
    },
  },
];

const project = readProject(['src', 'test', 'shaders', 'scripts']);

for (const { sentence, check, checkProject = check, faults, harmless } of RULES) {
  t.test(sentence, (t) => {
    t.strictSame(checkProject(project), []);
    t.end();
  });
  t.test(`the check that ${sentence} finds a planted fault`, (t) => {
    for (const fault of faults) t.not(check(toFiles(fault)).length, 0, JSON.stringify(fault).slice(0, 80));
    t.strictSame(check(toFiles(harmless)), []);
    t.end();
  });
}

t.test('an exception from having a test must be needed, and name a test that exists', (t) => {
  const files = toFiles({ 'src/a.ts': 'f();', 'src/b.ts': 'f();', 'test/b.test.ts': '' });
  t.strictSame(withoutTests(files, { 'src/a.ts': 'test/b.test.ts' }), []);
  t.match(withoutTests(files, { 'src/a.ts': 'test/c.test.ts' }), [/c.test.ts does not exist/]);
  t.match(withoutTests(files, { 'src/a.ts': 'test/b.test.ts', 'src/b.ts': 'test/b.test.ts' }), [
    /src.b.ts needs no/,
  ]);
  t.end();
});

t.test('the project is read', (t) => {
  t.ok(project.has('src/errors.ts'));
  t.ok(project.has('test/architecture.test.ts'));
  t.end();
});

function readProject(folders: readonly string[]): Files {
  const paths = folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
        join(folder, name),
      ),
    )
    .filter((path) => /\.(ts|mjs|wgsl)$/.test(path));
  return new Map(paths.map((path) => [path.replaceAll('\\', '/'), readFileSync(join(root, path), 'utf8')]));
}

function toFiles(record: Readonly<Record<string, string>>): Files {
  return new Map(Object.entries(record));
}
