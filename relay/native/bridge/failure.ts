import { errorCode, TabloomError, toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';

const statusOf = (error: unknown): unknown => (error instanceof TabloomError ? error.details['status'] : undefined);

/** The server has no list of models, as opposed to being away, busy or failing. */
export function hasNoList(error: unknown): boolean {
  const status = statusOf(error) ?? statusOf(error instanceof Error ? error.cause : undefined);
  return status === 404 || status === 405 || status === 501;
}

/** What the log says of a failure: the code, the HTTP status, and the system's code of a broken connection. */
export function causeOf(error: unknown): {
  readonly code: string;
  readonly status?: unknown;
  readonly cause?: unknown;
} {
  const status = statusOf(error) ?? (isRecord(error) ? error.details?.['status'] : undefined);
  const cause = systemCode(error) ?? (isRecord(error) ? error.details?.['cause'] : undefined);
  return {
    code: errorCode(error),
    ...(status === undefined ? {} : { status }),
    ...(cause === undefined ? {} : { cause }),
  };
}

const isRecord = (error: unknown): error is ErrorRecord =>
  typeof error === 'object' && error !== null && 'code' in error && 'message' in error;

/** The first system code along the causes, such as `ECONNREFUSED`. */
function systemCode(error: unknown): string | undefined {
  for (let one = error, depth = 0; one instanceof Error && depth < 8; one = one.cause, depth++) {
    if ('code' in one && typeof one.code === 'string' && /^[A-Z_]+$/.test(one.code)) return one.code;
  }
  return undefined;
}

/** As a record, with the system's code of a broken connection as the `cause` among its details. */
export function failureOf(error: unknown): ErrorRecord {
  const record = toErrorRecord(error);
  const cause = systemCode(error);
  return cause === undefined ? record : { ...record, details: { ...record.details, cause } };
}
