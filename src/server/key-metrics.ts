import { Counter, type Registry } from 'prom-client';
import { watch } from './watched.js';

/** What each key has asked of a model. A key has series from its first request on. */
export class KeyMetrics {
  readonly #requests: Counter;
  readonly #promptTokens: Counter;
  readonly #generationTokens: Counter;

  constructor(registry: Registry) {
    const counter = (name: string, help: string) =>
      watch(new Counter({ name, help, labelNames: ['key'], registers: [registry] }));
    this.#requests = counter('halflight:key_requests_total', 'Requests of a key that were admitted.');
    this.#promptTokens = counter(
      'halflight:key_prompt_tokens_total',
      'Tokens of their prompts; a prompt counts once.',
    );
    this.#generationTokens = counter('halflight:key_generation_tokens_total', 'Tokens generated for a key.');
  }

  /** A request was admitted. */
  request(key: string, numPromptTokens: number): void {
    this.#requests.inc({ key });
    this.#promptTokens.inc({ key }, numPromptTokens);
    this.#generationTokens.inc({ key }, 0);
  }

  token(key: string): void {
    this.#generationTokens.inc({ key });
  }
}
