import t from 'tap';
import { type BannerFacts, banner } from '#halflight/commands/banner.js';
import { FakeEngine } from '../support/fake-engine.js';

const { info } = new FakeEngine({
  info: { memory: { weights: 7_611_392, kv_cache: 4_194_304, activations: 1 } },
});
const FACTS: BannerFacts = {
  url: 'http://127.0.0.1:8000',
  name: 'fable',
  others: [],
  info,
  readyMs: 1234,
  needsKey: false,
};

const text = (facts: Partial<BannerFacts> = {}) => banner({ ...FACTS, ...facts }).join('\n');

t.test('says what runs where, how much it takes, and how to ask it', (t) => {
  t.match(text(), 'ready (1.2 s)');
  t.match(text(), /model +fable \(bf16, 7\.61 MB on the device\)/);
  t.match(text(), /adapter +fake/);
  t.match(text(), /features +f16 no, subgroups no; computing in f32/);
  t.match(text(), /kv cache +4\.19 MB: 1,024 tokens, 8 sequences of 128/);
  t.match(text(), /url +http:\/\/127\.0\.0\.1:8000/);
  t.end();
});

t.test('other names that requests may use are told', (t) => {
  t.match(text({ others: ['small', 'large'] }), /also +small, large/);
  t.notMatch(text(), /also/);
  t.end();
});

t.test('the type of the KV cache is told where it is another than that of the activations', (t) => {
  t.match(text({ info: { ...info, kvCacheType: 'int8' } }), /kv cache +4\.19 MB in int8: /);
  t.end();
});

t.test('warns of a software adapter, and of no other', (t) => {
  t.match(text(), /WARNING: no GPU/);
  const adapter = { ...info.adapter, software: false };
  t.notMatch(text({ info: { ...info, adapter } }), /WARNING|SOFTWARE/);
  t.end();
});

/** The request body of the curl line. */
function requestBody(facts: Partial<BannerFacts>): Record<string, unknown> {
  const quoted = /-d '(.*)'$/m.exec(text(facts))?.[1] ?? '';
  return JSON.parse(quoted.replaceAll("'\\''", "'")) as Record<string, unknown>;
}

t.test('the curl line asks for what the server takes', (t) => {
  t.strictSame(requestBody({}), { model: 'fable', prompt: 'Once upon a time', max_tokens: 60, stream: true });
  t.equal(requestBody({ info: { ...info, maxModelLen: 32 } }).max_tokens, 16);
  t.equal(requestBody({ name: "it's" }).model, "it's");
  t.notMatch(text(), /authorization/);
  t.match(text({ needsKey: true }), /-H 'authorization: Bearer YOUR_KEY'/);
  t.end();
});
