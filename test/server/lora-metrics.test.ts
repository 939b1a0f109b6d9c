import { Registry } from 'prom-client';
import t from 'tap';
import { addLoraInfo } from '#halflight/server/lora-metrics.js';

t.test('one series names the adapters that run and wait', async (t) => {
  const registry = new Registry();
  let adapters = { running: [2, 1], waiting: [2] };
  addLoraInfo(registry, ['poet', 'lawyer'], () => ({ adapters }));
  const line = async () =>
    (await registry.metrics()).split('\n').filter((one) => !one.startsWith('#') && one !== '');
  const name = 'vllm:lora_requests_info';
  t.match(await line(), [
    new RegExp(
      `^${name}\\{max_lora="2",running_lora_adapters="lawyer,poet",waiting_lora_adapters="lawyer"\\} \\d{10}`,
    ),
  ]);
  adapters = { running: [], waiting: [] };
  t.match(await line(), [/running_lora_adapters="",waiting_lora_adapters=""/]);
});
