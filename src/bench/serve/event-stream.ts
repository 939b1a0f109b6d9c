/** Splits server-sent events into their data, whatever pieces they arrive in. Comments and other fields are left out. */
export class EventStream {
  #rest = '';

  /** Data of the events that are whole with this piece. */
  push(text: string): string[] {
    const blocks = (this.#rest + text).replaceAll('\r\n', '\n').split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.map(dataOf).filter((data) => data !== '');
  }
}

function dataOf(block: string): string {
  return block
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trimStart())
    .join('\n');
}
