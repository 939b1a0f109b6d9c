import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UserError } from '../errors.js';

/** Where the hub and its cache are, by the variables that Hugging Face's own tools read. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly cacheDir: string;
  readonly token: string | null;
  /** Whether the network is left alone. */
  readonly offline: boolean;
  /** The variable that names a proxy, where there is one and Node is not told to take it; null otherwise. */
  readonly unusedProxy: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Source: huggingface_hub, "Environment variables".
 * @throws UserError where a variable or the token's file cannot be used
 */
export function hubSettings(env: Environment, home: string = homedir()): HubSettings {
  const folder = (name: string, preset: string) => resolve(withHome(env[name] || preset, home));
  const hfHome = folder('HF_HOME', join(env.XDG_CACHE_HOME || join(home, '.cache'), 'huggingface'));
  return {
    endpoint: endpointOf(env.HF_ENDPOINT || 'https://huggingface.co'),
    cacheDir: folder('HF_HUB_CACHE', join(hfHome, 'hub')),
    token: tokenOf(env.HF_TOKEN, folder('HF_TOKEN_PATH', join(hfHome, 'token'))),
    offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? ''),
    unusedProxy: env.NODE_USE_ENV_PROXY === '1' ? null : (PROXIES.find((name) => env[name]) ?? null),
  };
}

const PROXIES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'];

function withHome(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path;
}

function endpointOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '')
    return url.href.replace(/\/+$/, '');
  throw new UserError('HF_ENDPOINT: must be an address such as https://huggingface.co');
}

/** A token is never repeated in a message. */
function tokenOf(given: string | undefined, file: string): string | null {
  const fromEnv = given?.trim() ?? '';
  const token = fromEnv === '' ? readToken(file) : fromEnv;
  if (token === '') return null;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new UserError(
    `${fromEnv === '' ? file : 'HF_TOKEN'}: is no token: it holds a space or a letter beyond ASCII`,
  );
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : null;
    if (code === 'ENOENT' || code === 'ENOTDIR') return '';
    if (code === null) throw error;
    throw new UserError(`HF_TOKEN_PATH: ${file}: cannot be read (${code})`);
  }
}
