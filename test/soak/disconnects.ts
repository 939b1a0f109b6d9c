import { runDisconnects } from '../support/disconnects.js';

/** The long run of `test/integration/disconnects.test.ts`: `npm run soak:disconnects [REQUESTS [SEED]]`; exits 1 at the first fault. */
const [numRequests = 10_000, seed = 1] = process.argv.slice(2).map(Number);

const summary = await runDisconnects(numRequests, seed);
process.stdout.write(`${JSON.stringify(summary)}\n0 violations\n`);
