import type { EngineStats } from '../engine/types.js';

type TotalKey =
  | 'numPreemptions'
  | 'prefixCacheQueries'
  | 'prefixCacheHits'
  | 'numDrafts'
  | 'numDraftTokens'
  | 'numAcceptedTokens';

export type Totals = Pick<EngineStats, TotalKey>;

/** Numbers of the engine that only grow, as metrics. */
export const TOTALS: readonly { readonly name: string; readonly help: string; readonly key: TotalKey }[] = [
  { name: 'vllm:num_preemptions_total', help: 'Sequences put back to wait.', key: 'numPreemptions' },
  {
    name: 'vllm:prefix_cache_queries_total',
    help: 'Tokens looked up in the prefix cache.',
    key: 'prefixCacheQueries',
  },
  { name: 'vllm:prefix_cache_hits_total', help: 'Tokens found in the prefix cache.', key: 'prefixCacheHits' },
  { name: 'vllm:spec_decode_num_drafts_total', help: 'Drafts that were proposed.', key: 'numDrafts' },
  { name: 'vllm:spec_decode_num_draft_tokens_total', help: 'Tokens of drafts.', key: 'numDraftTokens' },
  {
    name: 'vllm:spec_decode_num_accepted_tokens_total',
    help: 'Tokens of drafts that the model confirmed.',
    key: 'numAcceptedTokens',
  },
];
