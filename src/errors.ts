/** Every error code a caller can see, with its HTTP status and OpenAI error type. `docs/errors.md` is held against it by a test. */
export const ERRORS = {
  invalid_value: { status: 400, type: 'invalid_request_error' },
  unsupported_parameter: { status: 400, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  invalid_grammar: { status: 400, type: 'invalid_request_error' },
  grammar_failed: { status: 400, type: 'invalid_request_error' },
  invalid_json: { status: 400, type: 'invalid_request_error' },
  invalid_api_key: { status: 401, type: 'authentication_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  route_not_found: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  request_timeout: { status: 408, type: 'invalid_request_error' },
  body_too_large: { status: 413, type: 'invalid_request_error' },
  unsupported_media_type: { status: 415, type: 'invalid_request_error' },
  header_too_large: { status: 431, type: 'invalid_request_error' },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  queue_full: { status: 429, type: 'rate_limit_error' },
  internal_error: { status: 500, type: 'server_error' },
  not_ready: { status: 503, type: 'server_error' },
  model_unavailable: { status: 503, type: 'server_error' },
  engine_failed: { status: 503, type: 'server_error' },
} as const satisfies Record<string, { status: number; type: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** A mistake of the caller of the API, or a state of the server that the caller must know. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    /** Path of the offending field, such as `stream_options.include_usage`. */
    readonly param: string | null = null,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** The body that OpenAI's clients parse: always the same four keys. */
  toBody(): { error: { message: string; type: string; param: string | null; code: string } } {
    return {
      error: { message: this.message, type: ERRORS[this.code].type, param: this.param, code: this.code },
    };
  }
}

/** A file of the model that cannot be used. The command line prints the message alone and exits 1. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';

  /** @param file path of the file; @param field tensor, key or byte range within it; @param problem what is wrong and what to do */
  constructor(
    readonly file: string,
    readonly field: string,
    problem: string,
  ) {
    super(`${file}: ${field}: ${problem}`);
  }
}

/** A wrong command line, or a machine that lacks something. The command line prints the message alone and exits 1. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** A weight that the device reads otherwise than it was written, or that gives no numbers. The command line prints the message alone and exits 1. */
export class LoadCheckError extends Error {
  override readonly name = 'LoadCheckError';

  /** @param tensor whose weights are concerned; @param kernel that was run; @param problem the figures */
  constructor(
    readonly tensor: string,
    readonly kernel: string,
    readonly problem: string,
  ) {
    super(`${tensor}: ${kernel}: ${problem}`);
  }
}
