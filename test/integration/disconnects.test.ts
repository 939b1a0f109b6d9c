import t from 'tap';
import { runDisconnects } from '../support/disconnects.js';

t.setTimeout(120_000);

// The long run is `npm run soak:disconnects`.
t.test(
  'requests that are dropped at any phase free their blocks within two steps and disturb no other',
  async (t) => {
    const { numDropped, numAnswered } = await runDisconnects(600, 1);
    t.equal(numDropped + numAnswered, 600);
    t.ok(numDropped > 120, 'about 30% were dropped');
  },
);
