import { type CallReader, type CallSyntax, createReader } from './call-readers.js';
import type { EventParser, OfferedFunction, OutputEvent } from './events.js';
import { findMarker, mayBegin } from './markers.js';

/** How a family of models writes calls into its answer. */
export interface CallFormat {
  /** What stands before a call, or before a list of them. */
  readonly open: string;
  /** What stands behind it; a call without it counts too. */
  readonly close: string | null;
  /** What may stand between two calls behind one `open`. */
  readonly separator: string | null;
  /** An answer that begins with a call needs no `open`. */
  readonly bare: boolean;
  readonly syntax: CallSyntax;
}

/** Finds calls in text. A call is told of once it is whole. */
export class CallParser implements EventParser {
  #phase: 'start' | 'text' | 'call' | 'tail';
  #buffer = '';
  /** What the call that is being read began with. */
  #opened = '';
  #reader: CallReader | null = null;
  /** What the reader has read. */
  #read: string[] = [];

  constructor(
    readonly format: CallFormat,
    readonly functions: readonly OfferedFunction[],
  ) {
    this.#phase = format.bare ? 'start' : 'text';
  }

  push(text: string): readonly OutputEvent[] {
    this.#buffer += text;
    return this.#run(false);
  }

  end(): readonly OutputEvent[] {
    return this.#run(true);
  }

  #run(isEnd: boolean): readonly OutputEvent[] {
    const events: OutputEvent[] = [];
    while (this.#step(events, isEnd));
    return events;
  }

  /** Whether there may be more to find in what is there. */
  #step(events: OutputEvent[], isEnd: boolean): boolean {
    switch (this.#phase) {
      case 'start':
        return this.#start(isEnd);
      case 'text':
        return this.#text(events, isEnd);
      case 'call':
        return this.#call(events, isEnd);
      case 'tail':
        return this.#tail(isEnd);
    }
  }

  #start(isEnd: boolean): boolean {
    const text = this.#buffer.trimStart();
    if (text === '' && !isEnd) return false;
    if (text.startsWith('{') || text.startsWith('[')) this.#openCall('', this.#buffer);
    else this.#phase = 'text';
    return true;
  }

  #text(events: OutputEvent[], isEnd: boolean): boolean {
    const { before, marker, rest } = findMarker(this.#buffer, [this.format.open], isEnd);
    if (before !== '') events.push({ kind: 'content', text: before });
    this.#buffer = rest;
    if (marker !== null) this.#openCall(marker, rest);
    return marker !== null;
  }

  #openCall(opened: string, rest: string): void {
    const isBare = opened === '';
    this.#phase = 'call';
    this.#opened = opened;
    this.#buffer = rest;
    this.#reader = createReader(this.format.syntax, { functions: this.functions, isBare });
  }

  #call(events: OutputEvent[], isEnd: boolean): boolean {
    const result = this.#reader?.read(this.#buffer, isEnd) ?? 'broken';
    this.#read.push(this.#buffer);
    this.#buffer = '';
    if (result === 'more') return false;
    this.#buffer = this.#read.join('');
    this.#read = [];
    if (result === 'broken') {
      events.push({ kind: 'content', text: this.#giveUp() });
      return true;
    }
    events.push(...result.calls.map((call): OutputEvent => ({ kind: 'call', call })));
    this.#buffer = this.#buffer.slice(result.length);
    this.#phase = 'tail';
    return true;
  }

  /** What began the call is text; what follows it may hold another. */
  #giveUp(): string {
    this.#phase = 'text';
    if (this.#opened !== '') return this.#opened;
    const length = this.#buffer.search(/\S/) + 1;
    const opened = this.#buffer.slice(0, length);
    this.#buffer = this.#buffer.slice(length);
    return opened;
  }

  #tail(isEnd: boolean): boolean {
    const { close, separator, bare } = this.format;
    const rest = this.#buffer.trimStart();
    if (!isEnd && (rest === '' || (close !== null && mayBegin(rest, close)))) return false;
    if (close !== null && rest.startsWith(close)) {
      this.#buffer = rest.slice(close.length);
      this.#phase = 'text';
    } else if (separator !== null && rest.startsWith(separator)) {
      this.#openCall(
        this.#buffer.slice(0, this.#buffer.length - rest.length + separator.length),
        rest.slice(separator.length),
      );
    } else if (bare && rest.startsWith('{')) this.#openCall('', this.#buffer);
    else this.#phase = 'text';
    return true;
  }
}
