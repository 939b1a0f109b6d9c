import { affineReader } from './affine.js';

/** 4 codes of 8 bits per word, low bits first; the zero point is 128 where none is stored. */
export const int8 = affineReader(8);
