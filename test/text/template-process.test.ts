import t from 'tap';
import { TEMPLATE_LIMITS, TemplateProcess } from '#halflight/text/template-process.js';

function open(t: { teardown: (end: () => Promise<void>) => void }, limits = {}): TemplateProcess {
  const isolated = new TemplateProcess({ ...TEMPLATE_LIMITS, ...limits });
  t.teardown(() => isolated.close());
  return isolated;
}

const HOSTILE = {
  'takes for ever': '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}',
  'fills the memory': '{{ range(200000000) | length }}',
  'doubles a text':
    "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s | length }}",
};

t.test('renders in another process, again and again', async (t) => {
  const isolated = open(t);
  const render = (a: number) => isolated.render({ source: '{{ a + 1 }}', variables: { a } });
  t.same(await Promise.all([1, 2, 3].map(render)), ['2', '3', '4']);
  await t.rejects(isolated.render({ source: '{% if %}', variables: {} }), { code: 'invalid_value' });
  t.equal(await render(4), '5', 'also after an error');
});

for (const [what, source] of Object.entries(HOSTILE)) {
  t.test(`a template that ${what} is refused, and harms no other`, async (t) => {
    const isolated = open(t);
    t.equal(await isolated.render({ source: 'ready', variables: {} }), 'ready');
    const started = performance.now();
    await t.rejects(isolated.render({ source, variables: {} }), { code: 'invalid_value', param: 'messages' });
    // The limit is 250 ms; the rest is for a machine with other work.
    t.ok(performance.now() - started < 5000);
    t.equal(await isolated.render({ source: 'again', variables: {} }), 'again');
  });
}

t.test('no more may wait than are bounded', async (t) => {
  const isolated = open(t, { maxWaiting: 1 });
  const render = () => isolated.render({ source: 'x', variables: {} });
  const all = await Promise.allSettled([render(), render(), render(), render()]);
  t.same(
    all.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'rejected'],
  );
  t.match(all[3], { reason: { code: 'queue_full' } });
});

t.test('a template sees nothing of the server', async (t) => {
  const source = '{{ process is defined }} {{ constructor is defined }} {{ env is defined }}';
  t.equal(await open(t).render({ source, variables: {} }), 'false false false');
});

t.test('a closed one renders nothing', async (t) => {
  const isolated = new TemplateProcess();
  await isolated.close();
  await t.rejects(isolated.render({ source: 'x', variables: {} }), { code: 'not_ready' });
});
