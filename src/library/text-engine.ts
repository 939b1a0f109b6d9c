import { randomBytes, randomUUID } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { checkModelDirectory } from '../checkpoint/directory.js';
import { createEngine } from '../engine/client.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '../engine/options.js';
import type { Engine, GenerateRequest, SamplingParams } from '../engine/types.js';
import { UserError } from '../errors.js';
import { type ChatMessage, type ChatTemplate, loadChatTemplate } from '../text/chat-template.js';
import { Detokenizer } from '../text/detokenizer.js';
import { StopMatcher } from '../text/stop.js';
import { loadTokenizer, type Tokenizer } from '../text/tokenizer.js';

export type TextEngineOptions = Partial<Omit<EngineOptions, 'modelDir'>>;

/** What the server's routes call by other names; tokens by default to the end of the context. */
export interface TextOptions
  extends Partial<Omit<SamplingParams, 'logits'>>,
    Pick<GenerateRequest, 'priority'> {
  /** The text ends before the first of them. */
  readonly stop?: readonly string[];
  /** Frees the sequence, and ends the text without an error. */
  readonly signal?: AbortSignal;
}

export interface TextPiece {
  readonly text: string;
  /** Set in the last piece. */
  readonly finishReason: 'stop' | 'length' | null;
}

/** A model in a worker thread, with its tokenizer: texts in, texts out. Any number of calls run at once, in one batch. */
export class TextEngine {
  constructor(
    /** Under which a server serves it. */
    readonly name: string,
    /** Folder or GGUF file. */
    readonly root: string,
    readonly engine: Engine,
    readonly tokenizer: Tokenizer,
    /** null where the model has none. */
    readonly template: ChatTemplate | null,
  ) {}

  /**
   * The continuation of a text, whose special tokens are parsed, or of token ids.
   * @throws ApiError where the prompt leaves no room in the context, or the engine fails
   */
  complete(
    prompt: string | readonly number[],
    options: TextOptions = {},
  ): AsyncGenerator<TextPiece, void, void> {
    const encoding = { addSpecialTokens: true, parseSpecialTokens: true };
    const ids = typeof prompt === 'string' ? this.tokenizer.encode(prompt, encoding) : prompt;
    return this.#generate(ids, options);
  }

  /**
   * The assistant's next message. What messages hold never becomes a special token.
   * @throws UserError where the model has no chat template; ApiError as `complete`, or where the template refuses the messages
   */
  chat(messages: readonly ChatMessage[], options: TextOptions = {}): AsyncGenerator<TextPiece, void, void> {
    if (this.template === null) throw new UserError(`${this.name} has no chat template; use complete`);
    return this.#generate(this.template.encode(messages, this.tokenizer), options);
  }

  close(): Promise<void> {
    return this.engine.close();
  }

  async *#generate(
    promptTokenIds: readonly number[],
    { stop = [], signal, priority, ...sampling }: TextOptions,
  ): AsyncGenerator<TextPiece, void, void> {
    const room = Math.max(1, this.engine.info.maxModelLen - promptTokenIds.length);
    const request: GenerateRequest = {
      id: randomUUID(),
      promptTokenIds,
      sampling: { ...defaultSampling(room), ...sampling },
      ...(priority === undefined ? {} : { priority }),
    };
    const detokenizer = new Detokenizer(this.tokenizer, { skipSpecialTokens: true });
    const stops = new StopMatcher(stop, false);
    for await (const { tokenId, finishReason } of this.engine.generate(request, signal)) {
      if (finishReason === 'abort' || finishReason === 'error') return;
      const delta = finishReason === 'stop' ? '' : detokenizer.push(tokenId);
      const { text, matched } = stops.push(finishReason === null ? delta : delta + detokenizer.flush());
      const rest = matched === null && finishReason !== null ? stops.flush() : '';
      const reason = matched === null ? finishReason : 'stop';
      if (text + rest !== '' || reason !== null) yield { text: text + rest, finishReason: reason };
      if (reason !== null) return;
    }
  }
}

function defaultSampling(maxTokens: number): SamplingParams {
  return {
    maxTokens,
    temperature: 1,
    topK: 0,
    topP: 1,
    minP: 0,
    seed: randomBytes(8).readBigUInt64LE(),
    ignoreEos: false,
    stopTokenIds: [],
  };
}

/**
 * Loads a model.
 * @param model folder of a checkpoint, or a GGUF file
 * @throws UserError, CheckpointError where it cannot be used
 */
export async function createTextEngine(model: string, options: TextEngineOptions = {}): Promise<TextEngine> {
  const modelDir = resolve(model);
  await checkModelDirectory(modelDir);
  const tokenizer = loadTokenizer(modelDir);
  const template = loadChatTemplate(modelDir);
  const engine = await createEngine({ ...ENGINE_DEFAULTS, ...options, modelDir });
  return new TextEngine(basename(modelDir), modelDir, engine, tokenizer, template);
}
