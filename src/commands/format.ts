const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Bytes for people: `7.61 MB`. */
export function formatBytes(bytes: number): string {
  // By the rounded number: 999,999 bytes are 1.00 MB and not 1000.0 kB.
  const fitting = UNITS.findIndex((_, power) => Number(inUnit(bytes, power)) < 1000);
  const power = fitting < 0 ? UNITS.length - 1 : fitting;
  return `${inUnit(bytes, power)} ${UNITS[power]}`;
}

function inUnit(bytes: number, power: number): string {
  const value = bytes / 1000 ** power;
  return power === 0 ? String(value) : value.toFixed(value < 9.995 ? 2 : 1);
}

/** Counts for people: `16,384`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** A share of 1 as `12.3%`; empty where there is none. */
export function formatPercent(share: number | null): string {
  return share === null ? '' : `${(100 * share).toFixed(1)}%`;
}

/** Time for people: `1:05`, `2:00:00`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const digits = (count: number) => String(count).padStart(2, '0');
  const head = hours > 0 ? `${hours}:${digits(minutes)}` : String(minutes);
  return `${head}:${digits(whole % 60)}`;
}

/** Columns of equal width, the first left-aligned. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const cell = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]);
  return rows.map((row) => row.map(cell).join('  ').trimEnd());
}
