import { BANNED, type LogitsEdits, type TokenCount } from './ops.js';

/**
 * The reference of `shaders/edit_logits.wgsl`: a row of logits with the changes that `LogitsEdits` names, in its order.
 * @param pending the sequence's last token where `edits.counts` does not know it yet
 */
export function editRow(
  logits: ArrayLike<number>,
  edits: LogitsEdits,
  pending: number | null,
): Float64Array<ArrayBuffer> {
  const out = Float64Array.from(logits, (logit, id) => (isAllowed(edits.allowed, id) ? logit : BANNED));
  for (const { tokenId, bias, after } of edits.biases) {
    if (after === null || after === pending) out[tokenId] = biased(out[tokenId], bias);
  }
  for (const count of countsWith(edits.counts, pending)) {
    out[count.tokenId] = penalized(out[count.tokenId], count, edits);
  }
  return out;
}

function isAllowed(allowed: Uint32Array | null, tokenId: number): boolean {
  return allowed === null || ((allowed[tokenId >>> 5] >>> (tokenId & 31)) & 1) === 1;
}

/** The counts after one more token of the output. */
function countsWith(counts: readonly TokenCount[], pending: number | null): readonly TokenCount[] {
  if (pending === null) return counts;
  if (!counts.some(({ tokenId }) => tokenId === pending)) {
    return [...counts, { tokenId: pending, inPrompt: false, count: 1 }];
  }
  return counts.map((entry) => (entry.tokenId === pending ? { ...entry, count: entry.count + 1 } : entry));
}

function biased(logit: number, bias: number): number {
  return logit <= BANNED || bias === BANNED ? BANNED : finite(logit + bias);
}

function penalized(logit: number, { inPrompt, count }: TokenCount, edits: LogitsEdits): number {
  if (logit <= BANNED || (!inPrompt && count === 0)) return logit;
  const repeated = logit > 0 ? logit / edits.repetition : logit * edits.repetition;
  return finite(repeated - count * edits.frequency - (count > 0 ? edits.presence : 0));
}

/** Within the range of f32. */
function finite(logit: number): number {
  return Math.min(Math.max(logit, BANNED), -BANNED);
}
