/** The one error type that is meant for people; anything else that is thrown is a bug. The ids are the Platform
 *  API's (snake_case), so the same object becomes an HTTP answer on the server and two lines on a terminal. */

/** id → HTTP status, as Heroku's Platform API answers it. `usage` never travels: the client makes it itself. */
const STATUS = {
  bad_request: 400,
  usage: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  not_acceptable: 406,
  conflict: 409,
  requested_range_not_satisfiable: 416,
  invalid_params: 422,
  release_failed: 422,
  confirmation_required: 423,
  rate_limit: 429,
  internal_server_error: 500,
  unavailable: 503,
} as const;

export type ErrorId = keyof typeof STATUS;

export interface AppErrorOptions {
  /** What to try next, in one sentence. */
  hint?: string | undefined;
  /** What kind of thing is not there, where Heroku's client asks for that: `session`. */
  resource?: string | undefined;
  /** What those are told instead who may not know of the other app that this is about. */
  discreet?: AppError | undefined;
  cause?: unknown;
}

export class AppError extends Error {
  override readonly name = "AppError";
  readonly id: ErrorId;
  readonly status: number;
  readonly hint: string | undefined;
  readonly resource: string | undefined;
  readonly discreet: AppError | undefined;

  constructor(id: ErrorId, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.id = id;
    this.status = STATUS[id];
    this.hint = options.hint;
    this.resource = options.resource;
    this.discreet = options.discreet;
  }
}

/** An id read from the wire, or `bad_request` when a newer server names one this client does not know. */
export function parseErrorId(text: unknown): ErrorId {
  return typeof text === "string" && Object.hasOwn(STATUS, text) ? (text as ErrorId) : "bad_request";
}
