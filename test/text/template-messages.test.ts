import t from 'tap';
import { renderMessage } from '#halflight/text/template-messages.js';

t.test('renders what another process asks for', async (t) => {
  t.same(renderMessage({ source: '{{ a }}!', variables: { a: 'x' } }), { text: 'x!' });
});

t.test('an error of the template, and a text beyond all bounds, are told', async (t) => {
  t.match(renderMessage({ source: '{% if %}', variables: {} }), { error: /./ });
  t.match(renderMessage({ source: "{{ raise_exception('no') }}", variables: {} }), { error: 'no' });
  const long = {
    source: '{% for i in range(5000) %}{{ a }}{% endfor %}',
    variables: { a: 'x'.repeat(1000) },
  };
  t.match(renderMessage(long), { error: /too long/ });
});
