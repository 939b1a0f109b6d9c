import { parentPort, workerData } from 'node:worker_threads';
import type { GrammarThreadOptions } from './protocol.js';
import { runGrammarThread } from './worker-main.js';

if (parentPort === null) throw new Error('grammars are compiled in a worker thread');
await runGrammarThread(parentPort, workerData as GrammarThreadOptions);
