import { parentPort } from 'node:worker_threads';
import { createRunner } from './runner.js';
import { runWorker } from './worker-main.js';

if (parentPort === null) throw new Error('the engine worker runs in a worker thread');
runWorker(parentPort, createRunner);
