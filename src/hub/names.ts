import { UserError } from '../errors.js';

/** A model repository as a command line names it: `org/name[@revision][:quantization]`, or `name…` for one without an owner, such as gpt2. */
export interface Repository {
  /** `org/name`, or `name`. */
  readonly id: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Which GGUF file, by the quantization in its name, such as `Q4_K_M`; null where it is not said. */
  readonly quantization: string | null;
}

const PART = '[A-Za-z0-9](?:[\\w.-]{0,94}[A-Za-z0-9_])?';
const SHAPE = new RegExp(`^((?:${PART}/)?${PART})(?:@([^@:]+))?(?::(\\w+))?$`);
/** A single word of this kind is a file that is not there. */
const FILE = /^[^/]*\.(?:gguf|safetensors|bin|json|pt|pth|onnx)$/i;
const REVISION = /^\w[\w+.-]*(\/\w[\w+.-]*)*$/;

/** null where the text is no repository's name. */
export function parseRepository(text: string): Repository | null {
  const [, id, revision = 'main', quantization = null] = SHAPE.exec(text) ?? [];
  if (id === undefined || id.includes('--') || id.includes('..') || id.endsWith('.git')) return null;
  if (FILE.test(id)) return null;
  if (!REVISION.test(revision) || revision.includes('..') || revision.length > 200) return null;
  return { id, revision, quantization };
}

/** A whole commit, which names the same files for ever. */
export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** Whether a blob's name is a checksum of its content: SHA-256 of a large file, or Git's SHA-1 of a small one. */
export function isChecksum(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** The path of a file within its repository, as the server tells it. Throws UserError where it could lead elsewhere. */
export function checkFilePath(path: string, repository: string): string {
  const safe =
    path.length <= 1000 && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  if (safe && !hasControl(path) && !/\\|^[A-Za-z]:/.test(path)) return path;
  throw new UserError(`${repository}: has a file with a name that is not safe: ${quoted(path)}; not read`);
}

function hasControl(text: string): boolean {
  return [...text].some((char) => isControl(char.codePointAt(0) ?? 0));
}

/** C0, DEL and C1: they end strings, or steer a terminal. */
function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/** A text from elsewhere, fit for a terminal. */
export function quoted(text: string): string {
  const shown = [...text.slice(0, 80)].map((char) => (isControl(char.codePointAt(0) ?? 0) ? '?' : char));
  return JSON.stringify(shown.join(''));
}
