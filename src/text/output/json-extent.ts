/** Arguments deeper than that are no call: readers of JSON that recurse would overflow. */
const MAX_DEPTH = 64;

const CLOSERS: Readonly<Record<string, string>> = { '{': '}', '[': ']' };

/** Finds where an object or a list ends, by its brackets and strings. Whether it is JSON is not told. */
export class JsonExtent {
  readonly #open: string[] = [];
  #inString = false;
  #escaped = false;

  /**
   * @param text what follows the text of the last call; the first begins with a bracket
   * @returns the index in `text` behind the value; `more` where it goes on; `broken` where brackets do not match or are too deep
   */
  scan(text: string): number | 'more' | 'broken' {
    for (let i = 0; i < text.length; i++) {
      const char = text.charAt(i);
      if (this.#inString) this.#stringChar(char);
      else if (!this.#plainChar(char)) return 'broken';
      if (this.#open.length === 0) return i + 1;
    }
    return 'more';
  }

  #stringChar(char: string): void {
    if (this.#escaped) this.#escaped = false;
    else if (char === '\\') this.#escaped = true;
    else if (char === '"') this.#inString = false;
  }

  #plainChar(char: string): boolean {
    const closer = CLOSERS[char];
    if (closer !== undefined) return this.#open.push(closer) <= MAX_DEPTH;
    if (char === '"') this.#inString = true;
    return (char !== '}' && char !== ']') || this.#open.pop() === char;
  }
}

/** Whether the text is JSON, an object or a list of bounded depth. */
export function isJson(text: string): boolean {
  const trimmed = text.trim();
  if (!(trimmed.charAt(0) in CLOSERS) || new JsonExtent().scan(trimmed) !== trimmed.length) return false;
  try {
    JSON.parse(trimmed);
    return true;
  } catch {
    return false;
  }
}

/** Source text of each element of a list. @param json a list for which `isJson` holds */
export function elementsOf(json: string): readonly string[] {
  const inner = json.trim().slice(1, -1);
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < inner.length; i++) {
    const char = inner.charAt(i);
    if (char === '"') i = endOfString(inner, i) - 1;
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    if (char !== ',' || depth > 0) continue;
    parts.push(inner.slice(start, i));
    start = i + 1;
  }
  const last = inner.slice(start);
  return (last.trim() === '' ? parts : [...parts, last]).map((part) => part.trim());
}

/** Source text of each member's value, by its key. @param json an object for which `isJson` holds */
export function membersOf(json: string): ReadonlyMap<string, string> {
  return new Map(
    elementsOf(json).map((part) => {
      const end = endOfString(part, 0);
      const value = part.slice(part.indexOf(':', end) + 1).trim();
      return [JSON.parse(part.slice(0, end)) as string, value];
    }),
  );
}

/** Index behind the string that begins at `start`. */
function endOfString(json: string, start: number): number {
  let end = start + 1;
  while (json.charAt(end) !== '"') end += json.charAt(end) === '\\' ? 2 : 1;
  return end + 1;
}
