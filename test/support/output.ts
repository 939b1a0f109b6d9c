import fc from 'fast-check';
import type { EventParser, OutputEvent } from '#halflight/text/output/events.js';

export const WEATHER = {
  name: 'get_weather',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' }, tags: { type: 'array' } },
  },
};
export const ADD = { name: 'add', parameters: { type: 'object', properties: { a: { type: 'number' } } } };
export const FUNCTIONS = [WEATHER, ADD];

export interface Joined {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

/** What a parser finds in a text that comes in pieces. */
export function parse(parser: EventParser, pieces: readonly string[]): Joined {
  const events = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
  return {
    content: textOf(events, 'content'),
    reasoning: textOf(events, 'reasoning'),
    calls: events.flatMap((event) => (event.kind === 'call' ? [event.call] : [])),
  };
}

function textOf(events: readonly OutputEvent[], kind: 'content' | 'reasoning'): string {
  return events.map((event) => (event.kind === kind ? event.text : '')).join('');
}

/** Every way to cut a text in two, and every way in three where it is short. */
export function cuts(text: string, maxLengthForThree = 60): string[][] {
  const two = Array.from({ length: text.length + 1 }, (_, i) => [text.slice(0, i), text.slice(i)]);
  if (text.length > maxLengthForThree) return [...two, [...text]];
  return two.flatMap(([head = '', tail = '']) =>
    Array.from({ length: tail.length + 1 }, (_, i) => [head, tail.slice(0, i), tail.slice(i)]),
  );
}

/** Texts of the given fragments in any order, so that many hold half of something. */
export function garbage(fragments: readonly string[]): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...fragments), { maxLength: 8 }).map((parts) => parts.join(''));
}

export const JSON_FRAGMENTS = [
  '{"name": "add", "arguments": {"a": 1}}',
  '{"name": "add", "parameters": {}}',
  '{"name": "add"',
  ', "arguments": {"s": "}\\""}}',
  '[',
  ']',
  '{',
  '}',
  '"',
  '\\',
  ',',
  ':',
  ' ',
  '\n',
  'plain words',
  '🙂',
];
