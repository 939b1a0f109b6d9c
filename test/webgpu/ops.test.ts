import { testOperations } from '../support/gpu-operations.js';
import { WEIGHT_FORMATS } from '../support/weights.js';

await testOperations('f32', Object.keys(WEIGHT_FORMATS));
