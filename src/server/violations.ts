import type { FastifySchemaValidationError } from 'fastify/types/schema.js';
import { ApiError } from '../errors.js';

/** With Ajv's `verbose` the part of the schema that was violated comes along; its description says what is allowed. */
type Violation = FastifySchemaValidationError & { readonly parentSchema?: { readonly description?: string } };

/** The last violation is the outermost: of alternatives, the one that lists them all. */
export function describeViolation(violations: readonly Violation[]): ApiError {
  const violation = violations.at(-1);
  if (violation === undefined) return new ApiError('invalid_value', 'The body is not valid.');
  const missing = violation.params.missingProperty;
  const path = fieldPath(violation.instancePath);
  if (typeof missing === 'string') {
    const param = path === null ? missing : `${path}.${missing}`;
    return new ApiError('invalid_value', `${param} is required.`, param);
  }
  const allowed = violation.parentSchema?.description;
  const rule = allowed === undefined ? violation.message : `must be ${allowed}`;
  return new ApiError('invalid_value', `${path ?? 'The body'} ${rule}.`, path);
}

/** `/messages/0/content` as `messages[0].content`. */
function fieldPath(pointer: string): string | null {
  const keys = pointer.split('/').slice(1);
  if (keys.length === 0) return null;
  const path = keys.map((key) => (/^\d+$/.test(key) ? `[${key}]` : `.${unescapePointer(key)}`)).join('');
  return path.replace(/^\./, '');
}

/** RFC 6901, section 4. */
function unescapePointer(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}
