import t from 'tap';
import { readStructured } from '#halflight/server/structured.js';

const schema = { type: 'object' };

t.test('every way to ask for structure is read', (t) => {
  const cases = [
    [{}, null],
    [{ response_format: { type: 'text' }, structured_outputs: {}, guided_json: null }, null],
    [
      { response_format: { type: 'json_object' } },
      { spec: { type: 'json_schema', schema }, field: 'response_format' },
    ],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } } },
      { spec: { type: 'json_schema', schema, strict: true }, field: 'response_format.json_schema.schema' },
    ],
    [
      { structured_outputs: { json: schema } },
      { spec: { type: 'json_schema', strict: false }, field: 'structured_outputs.json' },
    ],
    [{ structured_outputs: { json: '{"type":"object"}' } }, { spec: { schema } }],
    [{ structured_outputs: { json_object: true, regex: null } }, { spec: { schema } }],
    [{ structured_outputs: { regex: 'a+' } }, { spec: { type: 'regex', pattern: 'a+' } }],
    [{ structured_outputs: { choice: ['a', 'b'] } }, { spec: { type: 'choice', choices: ['a', 'b'] } }],
    [{ structured_outputs: { grammar: 'root ::= "a"' } }, { spec: { type: 'ebnf', text: 'root ::= "a"' } }],
    [{ guided_json: schema }, { spec: { schema }, field: 'guided_json' }],
    [{ guided_regex: 'a' }, { spec: { type: 'regex' }, field: 'guided_regex' }],
    [{ guided_choice: ['a'] }, { spec: { type: 'choice' } }],
    [{ guided_grammar: 'root ::= "a"' }, { spec: { type: 'ebnf' } }],
  ] as const;
  for (const [body, expected] of cases)
    t.match(readStructured(body as object), expected, JSON.stringify(body));
  t.end();
});

t.test('what is malformed, doubled or not known is refused by its field', (t) => {
  const cases = [
    [{ response_format: { type: 'json_schema' } }, 'invalid_value', 'response_format.json_schema.schema'],
    [{ structured_outputs: { regex: 1 } }, 'invalid_value', 'structured_outputs.regex'],
    [{ structured_outputs: { choice: [] } }, 'invalid_value', 'structured_outputs.choice'],
    [{ structured_outputs: { choice: [1] } }, 'invalid_value', 'structured_outputs.choice'],
    [{ structured_outputs: { json: '{' } }, 'invalid_value', 'structured_outputs.json'],
    [{ structured_outputs: { json_object: 1 } }, 'invalid_value', 'structured_outputs.json_object'],
    [
      { structured_outputs: { structural_tag: 'x' } },
      'unsupported_parameter',
      'structured_outputs.structural_tag',
    ],
    [{ structured_outputs: { regex: 'a', choice: ['a'] } }, 'invalid_value', 'structured_outputs.choice'],
    [{ response_format: { type: 'json_object' }, guided_regex: 'a' }, 'invalid_value', 'guided_regex'],
  ] as const;
  for (const [body, code, param] of cases)
    t.throws(() => readStructured(body as object), { code, param }, param);
  t.end();
});
