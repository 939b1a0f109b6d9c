import t from 'tap';
import { ChatBody } from '#halflight/server/chat-schemas.js';
import { MessagesBody } from '#halflight/server/messages/schemas.js';
import { ResponsesBody } from '#halflight/server/responses/schemas.js';
import { EmbeddingBody } from '#halflight/server/routes/embeddings.js';
import { Common, CompletionBody } from '#halflight/server/schemas.js';
import {
  documentedFields,
  documentedNumbers,
  documentedWords,
  type FieldSchema,
  impliedNumbers,
  schemaAt,
  schemaNumbers,
} from '../support/documented-fields.js';

const own = (properties: object) =>
  Object.fromEntries(Object.entries(properties).filter(([name]) => !(name in Common)));

/** Sections of docs/api.md, and the fields whose tables they have. */
const TABLES: Readonly<Record<string, object>> = {
  'Parameters of both endpoints': Common,
  Completions: own(CompletionBody.properties),
  Chat: own(ChatBody.properties),
  Responses: ResponsesBody.properties,
  Messages: MessagesBody.properties,
  Embeddings: EmbeddingBody.properties,
};

/** Numbers that are held in code, not by the schema: tests of the routes name them. */
const IN_CODE: Readonly<Record<string, readonly number[]>> = {
  temperature: [0.01],
  top_k: [0],
  prompt_logprobs: [2 ** 20],
  logit_bias: [-100, 100],
  prompt: [256],
  max_tokens: [1],
  input: [2048, 2 ** 23],
};

const fieldsOf = (title: string) =>
  documentedFields(title).map((field) => {
    const schema = schemaAt({ properties: TABLES[title] as Record<string, FieldSchema> }, field.path);
    return { ...field, schema };
  });

/** Names in several rows, or by a reference to another table. */
const SHARED = ['priority', 'cache_salt', 'request_id'];

for (const [title, properties] of Object.entries(TABLES)) {
  t.test(`docs/api.md, ${title}: lists each field of the schema, and no other`, (t) => {
    const shared = title === 'Embeddings' ? SHARED : [];
    const listed = fieldsOf(title).map(({ path }) => path.replace(/[.[].*/, ''));
    t.strictSame([...new Set([...listed, ...shared])].sort(), Object.keys(properties).sort());
    for (const { path, schema } of fieldsOf(title)) t.ok(schema, `${path} is in the schema`);
    t.end();
  });

  t.test(`docs/api.md, ${title}: bounds are those of the schema`, (t) => {
    for (const { path, bounds, schema = {} } of fieldsOf(title)) {
      const [told, held] = [documentedNumbers(bounds), schemaNumbers(schema)];
      const inCode = IN_CODE[path] ?? [];
      const implied = impliedNumbers(bounds);
      const missing = [...held].filter((bound) => !told.has(bound) && !implied.includes(bound));
      const isFlag = [schema.type].flat().includes('boolean');
      const invented = isFlag ? [] : [...told].filter((bound) => !held.has(bound) && !inCode.includes(bound));
      t.strictSame({ missing, invented }, { missing: [], invented: [] }, `${path}: ${bounds}`);
      const words = documentedWords(bounds);
      const choices = (schema.enum ?? []).filter((one) => typeof one === 'string');
      t.strictSame(
        choices.filter((one) => !words.has(one)),
        [],
        `${path}: ${bounds}`,
      );
    }
    t.end();
  });
}

t.test('numbers are found in words and figures, and in schemas', (t) => {
  t.strictSame(
    documentedNumbers('-(2^53 - 1) to 65,536, 0.5; default 7; `9`; −2^31'),
    new Set([-(2 ** 53 - 1), 65_536, 0.5, -(2 ** 31)]),
  );
  t.strictSame(documentedNumbers('an f32 of Qwen2.5'), new Set());
  t.strictSame(impliedNumbers('positive ids of the vocabulary'), [1, 0]);
  const schema = {
    minItems: 1,
    items: { maxLength: 9, pattern: '^\\w{2,3}$' },
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
  };
  t.strictSame(schemaNumbers(schema), new Set([1, 0, 2, 3, 9]));
  t.end();
});
