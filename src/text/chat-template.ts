import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { isGguf } from '../checkpoint/gguf/header.js';
import { ApiError, CheckpointError } from '../errors.js';
import { readGgufTokenizerConfig } from './gguf-tokenizer.js';
import { guardStrings } from './guard.js';
import { isJsonObject, type JsonObject, readJsonObject } from './json-file.js';
import type { Tokenizer } from './tokenizer.js';

/** Fields beside role and content are the template's business. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly [field: string]: unknown;
}

/** Turns messages into a prompt that ends where the assistant's answer begins. */
export class ChatTemplate {
  readonly #template: Template;

  /** @param variables strings that templates read, such as `bos_token` */
  constructor(
    readonly source: string,
    readonly variables: Readonly<Record<string, string>>,
  ) {
    this.#template = new Template(source);
  }

  /**
   * Text of the prompt.
   * @param more other variables that the template may read, or values for those it has
   * @throws ApiError `invalid_value` where the template refuses the messages, as templates do with roles out of order
   */
  render(messages: readonly ChatMessage[], more: Readonly<Record<string, unknown>> = {}): string {
    try {
      return this.#template.render(templateContext(this, messages, more));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw refusal(error.message);
    }
  }

  /** Token ids of the prompt. No string of the messages becomes a special token, whatever it holds. */
  encode(messages: readonly ChatMessage[], tokenizer: Tokenizer): number[] {
    const { value, guard } = guardStrings(messages, tokenizer.specialTokens);
    return tokenizer.encodeGuarded(this.render(value), guard);
  }
}

/** Whether a template reads the variable; that it names it is taken for that. */
export function readsVariable(source: string, variable: string): boolean {
  return new RegExp(`\\b${variable}\\b`).test(source);
}

/** All that a template may read. */
export function templateContext(
  { variables }: Pick<ChatTemplate, 'variables'>,
  messages: readonly ChatMessage[],
  more: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return {
    ...variables,
    messages,
    tools: null,
    documents: null,
    add_generation_prompt: true,
    ...more,
  };
}

/** What a template says against the messages is the caller's business. */
export function refusal(message: string): ApiError {
  return new ApiError('invalid_value', `The chat template refuses the messages: ${message}`, 'messages');
}

/**
 * The template of `chat_template.jinja`, else of `tokenizer_config.json` (one template, or a list of which the one named `default` counts),
 * or of a GGUF file's metadata. null where the model has none.
 * @throws CheckpointError where it is no valid template
 */
export function loadChatTemplate(modelDir: string): ChatTemplate | null {
  if (isGguf(modelDir)) return ggufTemplate(modelDir);
  const found = readTemplate(modelDir);
  const config = readJsonObject(join(modelDir, CONFIG), readFileSync);
  return found === null ? null : compile(found.file, found.field, found.source, config);
}

/** The text of a model directory's template as `loadChatTemplate` chooses it. Throws CheckpointError. */
export function chatTemplateSource(modelDir: string): string | null {
  return readTemplate(modelDir)?.source ?? null;
}

const CONFIG = 'tokenizer_config.json';

function readTemplate(modelDir: string) {
  const configFile = join(modelDir, CONFIG);
  const config = readJsonObject(configFile, readFileSync);
  const ownFile = join(modelDir, 'chat_template.jinja');
  if (existsSync(ownFile)) return { file: ownFile, field: 'content', source: readFileSync(ownFile, 'utf8') };
  const source = templateOf(config.chat_template, configFile);
  return source === null ? null : { file: configFile, field: 'chat_template', source };
}

function ggufTemplate(file: string): ChatTemplate | null {
  const config = readGgufTokenizerConfig(file);
  const source = templateOf(config.chat_template, file);
  return source === null ? null : compile(file, 'tokenizer.chat_template', source, config);
}

function compile(file: string, field: string, source: string, config: JsonObject): ChatTemplate {
  try {
    return new ChatTemplate(source, templateVariables(config));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new CheckpointError(file, field, `not a valid template: ${error.message}`);
  }
}

function templateOf(value: unknown, file: string): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) throw new CheckpointError(file, 'chat_template', 'must be a string or a list');
  const named: unknown = value.find((item: unknown) => isJsonObject(item) && item.name === 'default');
  if (isJsonObject(named) && typeof named.template === 'string') return named.template;
  throw new CheckpointError(file, 'chat_template', 'the list has no template named "default"');
}

/** `bos_token` and its like: a string, or an object with the string as its content. */
function templateVariables(config: JsonObject): Record<string, string> {
  const entries = Object.entries(config)
    .filter(([name]) => name.endsWith('_token'))
    .map(([name, value]) => [name, isJsonObject(value) ? value.content : value]);
  return Object.fromEntries(entries.filter(([, value]) => typeof value === 'string'));
}
