import t from 'tap';
import { factsOf, fitting, totalBytes } from '#halflight/bench/compare/memory.js';
import { facts } from '../../support/load.js';

t.test('what a server takes is read from its metrics', (t) => {
  const page = [
    'vllm:cache_config_info{block_size="16",num_gpu_blocks="64",cache_dtype="f32"} 1',
    'halflight:adapter_info{name="fake",vendor="none",weight_format="bf16"} 1',
    'halflight:gpu_memory_bytes{kind="weights"} 1000',
    'halflight:gpu_memory_bytes{kind="kv_cache"} 640',
    'halflight:gpu_memory_bytes{kind="activations"} 60',
  ].join('\n');
  t.strictSame(factsOf(page), facts());
  t.equal(totalBytes(facts()), 1700);
  t.match(factsOf(''), { adapter: 'unknown', weights: 0, numBlocks: 0 });
  t.end();
});

t.test('requests that fit are those whose blocks do', (t) => {
  // A block is 10 bytes; 40 tokens take three.
  t.equal(fitting(facts(), 40, 1700), 21);
  t.equal(fitting(facts({ weights: 400 }), 40, 1700), 41);
  t.equal(fitting(facts(), 40, 500), 0);
  t.equal(fitting(facts({ numBlocks: 0 }), 40, 1700), 0);
  t.end();
});
