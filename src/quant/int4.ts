import { affineReader } from './affine.js';

/** 8 codes of 4 bits per word, low bits first; the zero point is 8 where none is stored. */
export const int4 = affineReader(4);
