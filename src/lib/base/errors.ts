/**
 * An error whose `code` is part of the API: kebab-case, stable, safe to send over a wire and to test against.
 * The `message` is one sentence for the user and says what to do. Classes do not survive `postMessage`, so compare
 * codes (see {@link errorCode}), never `instanceof`.
 */
export class TabloomError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TabloomError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The form of an error that crosses a wire or a `postMessage`. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The stable code of anything thrown: a coded error's own, `aborted` for an abort, else `internal`. */
export function errorCode(error: unknown): string {
  if (typeof error === 'object' && error !== null) {
    if ('code' in error && typeof error.code === 'string' && /^[a-z][a-z0-9-]*$/.test(error.code)) return error.code;
    if ('name' in error && (error.name === 'AbortError' || error.name === 'TimeoutError')) return 'aborted';
  }
  return 'internal';
}

/** Flattens anything thrown to a record; the stack and the cause stay on this device. */
export function toErrorRecord(error: unknown): ErrorRecord {
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof TabloomError && Object.keys(error.details).length > 0
    ? { code, message, details: error.details }
    : { code, message };
}

/** Turns a record that arrived from elsewhere back into an error. */
export function fromErrorRecord(record: ErrorRecord): TabloomError {
  return new TabloomError(record.code, record.message, record.details ? { details: record.details } : {});
}
