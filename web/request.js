/**
 * @typedef {{ role: 'user' | 'assistant', content: string }} Turn
 * @typedef {Readonly<Record<string, string>>} Settings the form's fields as they are written; empty leaves one out
 * @typedef {{ path: string, body: Record<string, unknown> }} Request
 */

const NUMBERS = ['temperature', 'max_tokens', 'top_p', 'top_k', 'min_p', 'repetition_penalty', 'seed'];

/**
 * The request for the next answer: what was said so far, or for a completion the last text alone.
 * @param {Settings} settings
 * @param {readonly Turn[]} turns the last is the user's
 * @returns {Request}
 * @throws Error where the JSON schema is no JSON object
 */
export function toRequest(settings, turns) {
  const common = {
    ...(settings.model ? { model: settings.model } : {}),
    ...samplingOf(settings),
    ...formOf(settings.schema ?? ''),
    stream: true,
    stream_options: { include_usage: true },
  };
  if (settings.endpoint === 'completion') {
    const prompt = turns.at(-1)?.content ?? '';
    return { path: 'v1/completions', body: { ...common, prompt } };
  }
  const system = settings.system ? [{ role: 'system', content: settings.system }] : [];
  return { path: 'v1/chat/completions', body: { ...common, messages: [...system, ...turns] } };
}

/** @param {Settings} settings */
function samplingOf(settings) {
  const given = NUMBERS.filter((name) => settings[name]);
  const numbers = Object.fromEntries(given.map((name) => [name, Number(settings[name])]));
  return settings.stop ? { ...numbers, stop: [settings.stop] } : numbers;
}

/** @param {string} text */
function formOf(text) {
  if (text.trim() === '') return {};
  const schema = parseSchema(text);
  return { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } } };
}

/** @param {string} text */
function parseSchema(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`The JSON schema is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * The request as a command for a shell. It names the key's variable, not the key.
 * @param {Request} request
 * @param {string} base URL of the page
 * @param {boolean} hasKey
 */
export function toCurl({ path, body }, base, hasKey) {
  const lines = [
    `curl -N ${quote(new URL(path, base).href)}`,
    "-H 'content-type: application/json'",
    ...(hasKey ? ['-H "authorization: Bearer $API_KEY"'] : []),
    `-d ${quote(JSON.stringify(body))}`,
  ];
  return lines.join(' \\\n  ');
}

/** @param {string} text */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
