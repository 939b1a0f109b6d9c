/** Writes a safetensors file's bytes by hand: length, header as given, data. */
export function safetensorsBytes(header: string, data: Uint8Array | readonly number[]): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

/** A small seeded generator (mulberry32), integers from 0 to `max` − 1. */
export function seededIntegers(seed: number): (max: number) => number {
  let state = seed >>> 0;
  return (max) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * max);
  };
}

/** Damages text or a file's bytes in one of the ways that disks, networks and attackers do. */
export function mutate(bytes: Uint8Array, integer: (max: number) => number): Uint8Array {
  const at = integer(bytes.length);
  const other = integer(bytes.length);
  const [start, end] = at < other ? [at, other] : [other, at];
  const copy = bytes.slice();
  switch (integer(6)) {
    case 0:
      copy[at] ^= 1 << integer(8);
      return copy;
    case 1:
      return bytes.slice(0, at);
    case 2:
      return concat(bytes.subarray(0, start), bytes.subarray(end));
    case 3:
      return concat(bytes.subarray(0, end), bytes.subarray(start));
    case 4:
      copy.set(new TextEncoder().encode(TOKENS[integer(TOKENS.length)]).subarray(0, bytes.length - at), at);
      return copy;
    default: {
      const token = new TextEncoder().encode(TOKENS[integer(TOKENS.length)]);
      return concat(bytes.subarray(0, at), token, bytes.subarray(at));
    }
  }
}

/**
 * Milliseconds that an attempt takes: by the clock, or of the CPU where that is less, for another process may hold the machine. A slow one is
 * tried once more and the quicker counts.
 * @param onError called with what the first attempt threw
 */
export async function quickestMs(
  attempt: () => Promise<unknown>,
  onError: (error: unknown) => void,
): Promise<number> {
  const first = await elapsedMs(attempt, onError);
  return first < 100 ? first : Math.min(first, await elapsedMs(attempt, () => {}));
}

async function elapsedMs(
  attempt: () => Promise<unknown>,
  onError: (error: unknown) => void,
): Promise<number> {
  const [start, cpuStart] = [performance.now(), process.cpuUsage()];
  await attempt().catch(onError);
  const { user, system } = process.cpuUsage(cpuStart);
  return Math.min(performance.now() - start, (user + system) / 1000);
}

const TOKENS = [
  '0',
  '-1',
  '9',
  '1e308',
  '1e999',
  '0.5',
  'null',
  'true',
  '"x"',
  '{',
  '}',
  '[',
  ']',
  '[[[[',
  ',',
  '"',
  '\\',
  '\0',
  'é',
];

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
