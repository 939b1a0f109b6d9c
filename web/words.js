import { Refusal } from './api.js';

/** @type {Readonly<Record<string, string>>} */
const BY_CODE = {
  rate_limit_exceeded: 'This key has used up what it may ask for.',
  queue_full: 'The server has as many requests as it takes.',
  not_ready: 'The server takes no work now: it is starting or stopping.',
  engine_failed: 'The engine has failed. The server’s log says why.',
};

/**
 * What went wrong, for people.
 * @param {unknown} error
 * @param {boolean} hasKey whether one was sent
 */
export function explain(error, hasKey) {
  if (error instanceof Refusal) return explainRefusal(error, hasKey);
  if (error instanceof TypeError) return 'The server cannot be reached, or it closed the connection.';
  return error instanceof Error ? error.message : String(error);
}

/** @param {Refusal} refusal @param {boolean} hasKey */
function explainRefusal({ code, message, retryAfter }, hasKey) {
  if (code === 'invalid_api_key') {
    return hasKey
      ? 'The server does not know this key. Correct it in the settings.'
      : 'This server asks for a key. Enter it in the settings, under “API key”.';
  }
  const text = (code === null ? undefined : BY_CODE[code]) ?? message;
  return retryAfter === null ? text : `${text} Try again in ${seconds(retryAfter)}.`;
}

/** @param {string} count */
function seconds(count) {
  return count === '1' ? 'a second' : `${count} seconds`;
}
