import t from 'tap';
import { testServer } from '../../support/server.js';

t.test('tells its version', async (t) => {
  t.same((await testServer().inject('/version')).json(), { version: '1.2.3' });
});
