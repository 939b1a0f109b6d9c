import { isFunctionName, readCalls } from './calls.js';
import type { EventParser, FunctionCall, OutputEvent } from './events.js';
import { isJson } from './json-extent.js';
import { findMarker, mayBegin } from './markers.js';

const START = '<|start|>';
const CHANNEL = '<|channel|>';
const MESSAGE = '<|message|>';
const BODY_ENDS = ['<|end|>', '<|call|>', '<|return|>', START, CHANNEL] as const;
const HEADER_STARTS = [START, CHANNEL, 'to='] as const;

/** All are special tokens of gpt-oss. */
export const HARMONY_MARKERS: readonly string[] = [...BODY_ENDS, MESSAGE, '<|constrain|>'];

/** A header is a role, a channel, a recipient and a type of content. */
const MAX_HEADER_LENGTH = 512;

interface Header {
  /** What of it is text: the header of a message that is for no one here. */
  readonly text: string;
  readonly channel: string;
  /** Name of a tool; null where the message is for the user. */
  readonly recipient: string | null;
}

export interface HarmonyOptions {
  /** Tell the analysis channel from the answer. */
  readonly reasoning: boolean;
  /** Look for calls; else they are text. */
  readonly calls: boolean;
}

const FINAL: Header = { text: '', channel: 'final', recipient: null };

/**
 * gpt-oss: an answer is messages, each a header, `<|message|>` and a body. The prompt ends where the first header begins, behind
 * `<|start|>assistant`. The channel `analysis` is reasoning, a body for `functions.NAME` is a call's arguments, all else is content.
 */
export class HarmonyParser implements EventParser {
  #phase: 'between' | 'header' | 'body' = 'between';
  #buffer = '';
  #header = FINAL;
  /** Kinds of text that a message has been told of. */
  readonly #told = new Set<string>();
  #isFirstPiece = true;
  /** Of the call that is being read. */
  #arguments: string[] = [];

  constructor(readonly options: HarmonyOptions) {}

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

  #step(events: OutputEvent[], isEnd: boolean): boolean {
    switch (this.#phase) {
      case 'between':
        return this.#between(isEnd);
      case 'header':
        return this.#readHeader(isEnd);
      case 'body':
        return this.#isCall() ? this.#callBody(events, isEnd) : this.#textBody(events, isEnd);
    }
  }

  #between(isEnd: boolean): boolean {
    const text = this.#buffer.trimStart();
    if (text === '' || (!isEnd && HEADER_STARTS.some((start) => mayBegin(text, start)))) return false;
    if (HEADER_STARTS.some((start) => text.startsWith(start))) this.#phase = 'header';
    else this.#openBody(FINAL);
    return true;
  }

  #readHeader(isEnd: boolean): boolean {
    const end = this.#buffer.indexOf(MESSAGE);
    if (
      end > MAX_HEADER_LENGTH ||
      (end < 0 && (isEnd || this.#buffer.length > MAX_HEADER_LENGTH + MESSAGE.length))
    ) {
      return this.#headerIsText();
    }
    if (end < 0) return false;
    const text = this.#buffer.slice(0, end);
    this.#buffer = this.#buffer.slice(end + MESSAGE.length);
    const recipient = /\bto=([^\s<]+)/.exec(text)?.[1] ?? null;
    this.#openBody({
      text: recipient === null ? '' : text + MESSAGE,
      channel: /<\|channel\|>\s*(\w+)/.exec(text)?.[1] ?? 'final',
      recipient,
    });
    return true;
  }

  /** Its first character goes to the text, so that what follows is looked at again. */
  #headerIsText(): boolean {
    const length = this.#buffer.search(/\S/) + 1;
    this.#openBody({ ...FINAL, text: this.#buffer.slice(0, length) });
    this.#buffer = this.#buffer.slice(length);
    return true;
  }

  #openBody(header: Header): void {
    this.#phase = 'body';
    this.#header = header;
    this.#isFirstPiece = true;
  }

  #isCall(): boolean {
    return this.options.calls && this.#header.recipient?.split('.')[0] === 'functions';
  }

  #callBody(events: OutputEvent[], isEnd: boolean): boolean {
    const { before, marker } = findMarker(this.#buffer, BODY_ENDS, isEnd);
    this.#arguments.push(before);
    this.#closeBody(before.length, marker);
    if (marker === null && !isEnd) return false;
    const body = this.#arguments.join('');
    this.#arguments = [];
    const calls = readBody(this.#header.recipient ?? '', body);
    if (calls === null) this.#tell(events, this.#header.text + body);
    else events.push(...calls.map((call): OutputEvent => ({ kind: 'call', call })));
    return marker !== null;
  }

  #textBody(events: OutputEvent[], isEnd: boolean): boolean {
    const { before, marker } = findMarker(this.#buffer, BODY_ENDS, isEnd);
    this.#tell(events, (this.#isFirstPiece ? this.#header.text : '') + before);
    this.#closeBody(before.length, marker);
    return marker !== null;
  }

  /** Messages of one kind stand on lines of their own. */
  #tell(events: OutputEvent[], text: string): void {
    if (text === '') return;
    const isReasoning =
      this.options.reasoning && this.#header.channel === 'analysis' && this.#header.recipient === null;
    const kind = isReasoning ? 'reasoning' : 'content';
    const separator = this.#isFirstPiece && this.#told.has(kind) ? '\n' : '';
    events.push({ kind, text: separator + text });
    this.#told.add(kind);
    this.#isFirstPiece = false;
  }

  /** A marker that begins the next header stays. */
  #closeBody(length: number, marker: string | null): void {
    const isNext = marker === START || marker === CHANNEL;
    this.#buffer = this.#buffer.slice(length + (isNext ? 0 : (marker?.length ?? 0)));
    if (marker !== null) this.#phase = 'between';
  }
}

/** A recipient without a name has both in its body, where a call was forced. */
function readBody(recipient: string, body: string): readonly FunctionCall[] | null {
  const name = recipient.slice('functions.'.length);
  if (name === '') return readCalls(body);
  const text = body.trim() === '' ? '{}' : body.trim();
  return isFunctionName(name) && text.startsWith('{') && isJson(text) ? [{ name, arguments: text }] : null;
}
