export interface Found {
  /** Text that no marker is in, nor begins in. */
  readonly before: string;
  /** null where there is none yet. */
  readonly marker: string | null;
  /** Text behind the marker, or else what one may begin in. */
  readonly rest: string;
}

/**
 * The first of the markers in a text that may go on.
 * @param isEnd no text follows: nothing is held back
 */
export function findMarker(text: string, markers: readonly string[], isEnd: boolean): Found {
  const first = markers
    .map((marker) => ({ marker, start: text.indexOf(marker) }))
    .filter(({ start }) => start >= 0)
    .reduce<{ marker: string; start: number } | null>(
      (best, found) => (best === null || found.start < best.start ? found : best),
      null,
    );
  if (first !== null) {
    const { marker, start } = first;
    return { before: text.slice(0, start), marker, rest: text.slice(start + marker.length) };
  }
  const numHeld = isEnd ? 0 : Math.max(0, ...markers.map((marker) => overlap(text, marker)));
  const numFree = text.length - numHeld;
  return { before: text.slice(0, numFree), marker: null, rest: text.slice(numFree) };
}

/** Whether the text may become one that begins with the marker. */
export function mayBegin(text: string, marker: string): boolean {
  return text.length < marker.length && marker.startsWith(text);
}

/** Length of the longest end of `text` that begins `marker` without completing it. */
export function overlap(text: string, marker: string): number {
  for (let length = Math.min(text.length, marker.length - 1); length > 0; length--) {
    if (text.endsWith(marker.slice(0, length))) return length;
  }
  return 0;
}
