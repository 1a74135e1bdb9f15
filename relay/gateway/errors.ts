import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { isWireErrorCode, wireErrors } from '#lib/protocol/errors.ts';
import type { OpenAIErrorBody } from '#lib/protocol/openai.ts';
import { errorBody } from '../http/error-body.ts';

/** An error as HTTP says it: OpenAI's body, and `Retry-After` in seconds where trying again helps. */
export interface HttpError {
  readonly status: number;
  readonly body: OpenAIErrorBody;
  readonly retryAfterSeconds: number | undefined;
}

/** Codes that only the gateway's own door gives. Those of the network stand in `protocol/errors.ts`. */
const doorStatus = {
  'bad-json': 400,
  'bad-encoding': 400,
  'idempotency-key-reused': 422,
  'body-too-large': 413,
  'unsupported-media-type': 415,
  'unsupported-encoding': 415,
  'host-not-allowed': 403,
  'origin-not-allowed': 403,
  'not-found': 404,
  'kind-unavailable': 404,
  'method-not-allowed': 405,
  'gateway-busy': 429,
} as const satisfies Record<string, number>;

export type DoorErrorCode = keyof typeof doorStatus;

const retryAfterSecondsDefault: Readonly<Record<string, number>> = {
  busy: 2,
  'gateway-busy': 2,
  'no-peer-available': 3,
  draining: 5,
};

/** `param` names the member of the request that is wrong, as OpenAI does. */
export function doorError(code: DoorErrorCode, message: string, param?: string): TabloomError {
  return new TabloomError(code, message, param === undefined ? {} : { details: { param } });
}

export function badRequest(message: string, param: string): TabloomError {
  return new TabloomError('bad-request', message, { details: { param } });
}

/**
 * Any failure as HTTP. A coded error speaks for itself; what has no code is ours and says nothing of its inside. A code
 * a newer peer made up counts as that peer's failure.
 */
export function toHttpError(error: unknown): HttpError {
  const code = errorCode(error);
  const status = statusOf(code);
  const details = error instanceof TabloomError ? error.details : {};
  const said = code === 'internal' || !(error instanceof Error) ? wireErrors.internal.says : error.message;
  const message = code === 'too-long' ? inClientsWords(said) : said;
  return {
    status,
    retryAfterSeconds: retryAfter(code, details.retryAfterMs),
    body: errorBody(status, {
      code: code === 'too-long' ? 'context-length-exceeded' : code,
      message,
      param: typeof details.param === 'string' ? details.param : null,
    }),
  };
}

/** Clients that shorten a conversation and try again look for OpenAI's code, or for these words. */
const inClientsWords = (message: string): string =>
  message.includes('maximum context length')
    ? message
    : `This request exceeds the model's maximum context length. ${message}`;

function statusOf(code: string): number {
  if (Object.hasOwn(doorStatus, code)) return doorStatus[code as DoorErrorCode];
  return isWireErrorCode(code) ? wireErrors[code].status : 502;
}

function retryAfter(code: string, retryAfterMs: unknown): number | undefined {
  if (typeof retryAfterMs === 'number' && retryAfterMs >= 0) return Math.max(1, Math.ceil(retryAfterMs / 1_000));
  return retryAfterSecondsDefault[code];
}
