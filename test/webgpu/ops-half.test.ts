import { testOperations } from '../support/gpu-operations.js';

// A reader of weights does not know the compute type: two stand for all.
await testOperations('f16', ['bf16', 'int4-g32']);
