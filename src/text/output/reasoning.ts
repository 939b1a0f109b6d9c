import type { EventParser, OutputEvent } from './events.js';
import { findMarker, mayBegin } from './markers.js';

/** What stands around the reasoning before an answer. */
export interface ReasoningMarkers {
  readonly open: string;
  readonly close: string;
}

/**
 * Takes the reasoning off the beginning of an answer; the rest goes to the next parser. White space around the reasoning is no part of
 * either.
 */
export class ReasoningParser implements EventParser {
  #phase: 'start' | 'inside' | 'behind' | 'outside' = 'start';
  #buffer = '';
  /** White space of the reasoning that may be its end. */
  #space = '';
  #isEmpty = true;

  /** @param startsInside the answer begins within the reasoning: the prompt opened it, or the model never opens it */
  constructor(
    readonly markers: ReasoningMarkers,
    readonly startsInside: boolean,
    readonly next: EventParser,
  ) {}

  push(text: string): readonly OutputEvent[] {
    this.#buffer += text;
    return this.#run(false);
  }

  end(): readonly OutputEvent[] {
    return [...this.#run(true), ...this.next.end()];
  }

  #run(isEnd: boolean): readonly OutputEvent[] {
    const events: OutputEvent[] = [];
    if (this.#phase === 'start') this.#start(isEnd);
    if (this.#phase === 'inside') this.#inside(events, isEnd);
    if (this.#phase === 'behind') this.#behind();
    if (this.#phase === 'outside') {
      events.push(...this.next.push(this.#buffer));
      this.#buffer = '';
    }
    return events;
  }

  #start(isEnd: boolean): void {
    const text = this.#buffer.trimStart();
    if (!isEnd && mayBegin(text, this.markers.open)) return;
    const isOpened = text.startsWith(this.markers.open);
    if (isOpened) this.#buffer = text.slice(this.markers.open.length);
    this.#phase = isOpened || this.startsInside ? 'inside' : 'outside';
  }

  #inside(events: OutputEvent[], isEnd: boolean): void {
    const { before, marker, rest } = findMarker(this.#buffer, [this.markers.close], isEnd);
    this.#buffer = rest;
    const text = this.#isEmpty ? before.trimStart() : this.#space + before;
    const shown = isEnd && marker === null ? text : text.trimEnd();
    this.#space = text.slice(shown.length);
    if (shown !== '') {
      events.push({ kind: 'reasoning', text: shown });
      this.#isEmpty = false;
    }
    if (marker !== null) this.#phase = 'behind';
  }

  #behind(): void {
    this.#buffer = this.#buffer.trimStart();
    if (this.#buffer !== '') this.#phase = 'outside';
  }
}

/** Text that is nothing but content. */
export class PlainParser implements EventParser {
  push(text: string): readonly OutputEvent[] {
    return text === '' ? [] : [{ kind: 'content', text }];
  }

  end(): readonly OutputEvent[] {
    return [];
  }
}
