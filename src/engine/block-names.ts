import { createHash } from 'node:crypto';

/**
 * Names of a text's full blocks: each is the SHA-256 of the name before it and of the block's tokens, so equal names mean equal texts from
 * the start. A salt in the first keeps callers from learning of each other's prompts by timing.
 * @returns the names of blocks `known.length …` that `tokenIds` fills, after `known`
 */
export function extendBlockNames(
  known: string[],
  tokenIds: readonly number[],
  { blockSize, salt }: { readonly blockSize: number; readonly salt: string },
): void {
  const numFull = Math.floor(tokenIds.length / blockSize);
  for (let block = known.length; block < numFull; block++) {
    const tokens = Uint32Array.from(tokenIds.slice(block * blockSize, (block + 1) * blockSize));
    const parent = known[block - 1] ?? `salt ${salt}`;
    known.push(createHash('sha256').update(parent).update(tokens).digest('base64'));
  }
}
