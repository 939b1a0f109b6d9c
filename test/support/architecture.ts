import { posix } from 'node:path';
import ts from 'typescript';

/** Source files by path from the repository's root, with `/`. */
export type Files = ReadonlyMap<string, string>;

/** Each layer imports from those before it and from itself. A name without a slash is a folder or file of src/. */
const LAYERS: readonly (readonly string[])[] = [
  ['errors.ts', 'option-kinds.ts', 'config.ts', 'logger.ts'],
  ['quant'],
  ['ops'],
  ['webgpu'],
  ['checkpoint'],
  ['text'],
  ['grammar'],
  ['hub'],
  ['model'],
  ['engine'],
  ['calibrate'],
  ['server'],
  ['library'],
  ['index.ts'],
  ['bench'],
  ['commands'],
  ['cli.ts'],
];

export const MAX_FILE_LINES = 350;
export const MAX_FUNCTION_LINES = 60;

/** Imports of a higher layer, and files of none. */
export function upwardImports(files: Files): readonly string[] {
  return [...sources(files)].flatMap(([path, text]) => {
    if (layerOf(path) === -1) return [`${path} belongs to no layer`];
    const upward = importsOf(path, text).filter((target) => layerOf(target) > layerOf(path));
    return upward.map((target) => `${path} imports ${target}`);
  });
}

/** One line for each file through which an import path comes back to itself. */
export function importCycles(files: Files): readonly string[] {
  const graph = new Map([...sources(files)].map(([path, text]) => [path, importsOf(path, text)]));
  return [...graph.keys()]
    .filter((path) => reaches(graph, path, path))
    .map((path) => `${path} imports itself in the end`);
}

export function longFiles(files: Files): readonly string[] {
  return [...files]
    .filter(([path]) => /^(src|shaders)\/.*\.(ts|wgsl)$/.test(path))
    .map(([path, text]) => ({ path, numLines: text.replace(/\n$/, '').split('\n').length }))
    .filter(({ numLines }) => numLines > MAX_FILE_LINES)
    .map(({ path, numLines }) => `${path} has ${numLines} lines`);
}

export function longFunctions(files: Files): readonly string[] {
  return [...sources(files)].flatMap(([path, text]) =>
    functionsOf(path, text)
      .filter(({ numLines }) => numLines > MAX_FUNCTION_LINES)
      .map(({ line, numLines }) => `${path}:${line} is a function of ${numLines} lines`),
  );
}

/** Shaders live in shaders/, where tools and people find them. */
export function wgslInTypeScript(files: Files): readonly string[] {
  return matches(sources(files), /@compute|@workgroup_size|var<(storage|workgroup)/);
}

export function leftovers(files: Files): readonly string[] {
  const code = new Map([...files].filter(([path]) => path.endsWith('.ts')));
  return [
    ...matches(files, /\b(TO[D]O|FIX[M]E|XX[X])\b/),
    ...matches(withoutComments(code), /: an[y]\b|\bas an[y]\b|<an[y][,>]|\ban[y]\[\]|\.only\(/),
    ...matches(code, /@ts-(ignore|nocheck|expect-error)/),
  ];
}

/** A variable, or an empty container that something must fill later, outside any function. */
export function moduleState(files: Files): readonly string[] {
  const mutable =
    /^(export )?((let|var) |const \w+(: [^=]+)? = (new (Map|Set|WeakMap|WeakSet)(<.*>)?\(\)|\[\]|\{\});)/;
  return matches(withoutComments(sources(files)), mutable);
}

/**
 * Files of src/ with code of their own and neither `test/<same path>.test.ts` nor a test in the folder `test/<same path>/`.
 * @param testedBy for a file that another file's test covers: that test. An entry that is not needed, or names no test, is a fault too.
 */
export function withoutTests(
  files: Files,
  testedBy: Readonly<Record<string, string>> = {},
): readonly string[] {
  const untested = [...sources(files)].filter(([path, text]) => hasCode(path, text) && !hasTwin(path, files));
  const paths = untested.map(([path]) => path);
  return [
    ...paths.filter((path) => !(path in testedBy)).map((path) => `${path} has no test of its own`),
    ...Object.keys(testedBy)
      .filter((path) => !paths.includes(path))
      .map((path) => `${path} needs no other file's test`),
    ...Object.values(testedBy)
      .filter((test) => !files.has(test))
      .map((test) => `${test} does not exist`),
  ];
}

function hasTwin(path: string, files: Files): boolean {
  const twin = path.replace(/^src\/(.*)\.ts$/, 'test/$1');
  return [...files.keys()].some(
    (file) => file === `${twin}.test.ts` || (file.startsWith(`${twin}/`) && file.endsWith('.test.ts')),
  );
}

function sources(files: Files): Files {
  return new Map([...files].filter(([path]) => /^src\/.*\.ts$/.test(path)));
}

/** -1 for a file of no layer. */
function layerOf(path: string): number {
  const name = path.split('/')[1];
  return LAYERS.findIndex((layer) => layer.includes(name));
}

/** The project's files that a file imports, for values or types, at load or later, or starts as a worker. */
function importsOf(path: string, text: string): readonly string[] {
  const imported = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);
  const started = [...text.matchAll(/new URL\('([^']+\.js)', import\.meta\.url\)/g)].map(([, name]) => name);
  return [...imported, ...started].flatMap((name) => {
    if (name.startsWith('#halflight/'))
      return [toSource(posix.join('src', name.slice('#halflight/'.length)))];
    return name.startsWith('.') ? [toSource(posix.join(posix.dirname(path), name))] : [];
  });
}

function toSource(path: string): string {
  return path.replace(/\.js$/, '.ts');
}

function reaches(graph: ReadonlyMap<string, readonly string[]>, start: string, goal: string): boolean {
  const seen = new Set<string>();
  const open = [...(graph.get(start) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === goal) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(graph.get(next) ?? []));
  }
  return false;
}

interface FunctionSpan {
  readonly line: number;
  readonly numLines: number;
}

function functionsOf(path: string, text: string): readonly FunctionSpan[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: FunctionSpan[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) found.push(span(file, node));
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function span(file: ts.SourceFile, node: ts.Node): FunctionSpan {
  const first = file.getLineAndCharacterOfPosition(node.getStart(file)).line;
  const last = file.getLineAndCharacterOfPosition(node.end).line;
  return { line: first + 1, numLines: last - first + 1 };
}

/** False for a file of types and re-exports alone: there is nothing to run. */
function hasCode(path: string, text: string): boolean {
  return ts
    .createSourceFile(path, text, ts.ScriptTarget.Latest)
    .statements.some(
      (statement) =>
        !ts.isInterfaceDeclaration(statement) &&
        !ts.isTypeAliasDeclaration(statement) &&
        !ts.isImportDeclaration(statement) &&
        !ts.isExportDeclaration(statement),
    );
}

/** Comments blanked out, lines kept. */
function withoutComments(files: Files): Files {
  const blank = (comment: string) => comment.replace(/[^\n]/g, ' ');
  return new Map(
    [...files].map(([path, text]) => [path, text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g, blank)]),
  );
}

function matches(files: Files, pattern: RegExp): readonly string[] {
  return [...files].flatMap(([path, text]) =>
    text
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}
