import { Gauge, type Registry } from 'prom-client';
import type { EngineStats } from '../engine/types.js';

/**
 * Adds `vllm:lora_requests_info`: one series, whose labels name the adapters of running and of waiting requests, and whose value is the time.
 * @param names of the adapters, in the order of their numbers; @param stats null while the model is not loaded
 */
export function addLoraInfo(
  registry: Registry,
  names: readonly string[],
  stats: () => Pick<EngineStats, 'adapters'> | null,
): void {
  new Gauge({
    name: 'vllm:lora_requests_info',
    help: 'Adapters of running and of waiting requests; the value is the time of the scrape.',
    labelNames: ['max_lora', 'running_lora_adapters', 'waiting_lora_adapters'],
    registers: [registry],
    collect() {
      const { running = [], waiting = [] } = stats()?.adapters ?? {};
      const list = (numbers: readonly number[]) => numbers.map((number) => names[number - 1]).join(',');
      this.reset();
      this.set(
        {
          max_lora: String(names.length),
          running_lora_adapters: list(running),
          waiting_lora_adapters: list(waiting),
        },
        Date.now() / 1000,
      );
    },
  });
}
