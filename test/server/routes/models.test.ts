import t from 'tap';
import { testServer } from '../../support/server.js';

t.test('lists the served names, with what load testers read', async (t) => {
  const app = testServer();
  const { data, object } = (await app.inject('/v1/models')).json();
  t.equal(object, 'list');
  t.match(data, [
    { id: 'fable', object: 'model', root: 'models/fable', max_model_len: 128 },
    { id: 'org/other' },
  ]);
  t.same((await app.inject('/v1/models/fable')).json(), data[0]);
  t.same((await app.inject('/v1/models/org/other')).json(), data[1]);
  t.same((await app.inject('/v1/models/org%2Fother')).json(), data[1]);
  t.match((await app.inject(`/v1/models/${'x'.repeat(500)}`)).json(), { error: { code: 'model_not_found' } });
});
