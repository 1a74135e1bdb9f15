import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { isWireErrorCode, wireErrors } from '#lib/protocol/errors.ts';
import type { OpenAIErrorBody } from '#lib/protocol/openai.ts';
import { errorBody } from '../http/error-body.ts';

/** An error as HTTP: OpenAI's body, and `Retry-After` in seconds where a retry helps. */
export interface HttpError {
  readonly status: number;
  readonly body: OpenAIErrorBody;
  readonly retryAfterSeconds: number | undefined;
}

/** Codes that only the gateway itself returns. Those of the network are in `protocol/errors.ts`. */
const gatewayStatus = {
  'bad-json': 400,
  'bad-encoding': 400,
  'invalid-api-key': 401,
  'bad-sign-in': 401,
  'not-signed-in': 401,
  'payment-required': 402,
  'insufficient-credits': 402,
  'insufficient-funds': 402,
  'allowance-too-small': 402,
  'authorization-used': 402,
  'authorization-expired': 402,
  'token-refused': 402,
  'idempotency-key-reused': 422,
  'idempotency-key-in-use': 409,
  'too-many-keys': 409,
  'escrow-exists': 409,
  'escrow-closed': 409,
  'escrow-not-due': 409,
  'escrow-exceeded': 400,
  'escrow-unfunded': 409,
  'escrow-on-chain': 409,
  'too-many-escrows': 409,
  'provider-unlisted': 409,
  'provider-mismatch': 409,
  'bond-too-small': 409,
  'body-too-large': 413,
  'unsupported-media-type': 415,
  'unsupported-encoding': 415,
  'host-not-allowed': 403,
  'origin-not-allowed': 403,
  'model-not-allowed': 403,
  'key-limited': 403,
  'not-found': 404,
  'key-unknown': 404,
  'bad-address': 400,
  'faucet-dry': 429,
  'task-unknown': 404,
  'escrow-unknown': 404,
  'credits-unavailable': 404,
  'payments-unavailable': 404,
  'kind-unavailable': 404,
  'method-not-allowed': 405,
  'gateway-busy': 429,
  'insufficient-quota': 429,
  'rate-limit-exceeded': 429,
  'ledger-unavailable': 503,
  'chain-unavailable': 503,
  'stale-view': 503,
  'too-many-channels': 503,
  'spending-unavailable': 503,
} as const satisfies Record<string, number>;

export type GatewayErrorCode = keyof typeof gatewayStatus;

const retryAfterSecondsDefault: Readonly<Record<string, number>> = {
  busy: 2,
  'gateway-busy': 2,
  'idempotency-key-in-use': 2,
  'no-peer-available': 3,
  draining: 5,
  'ledger-unavailable': 30,
  'spending-unavailable': 30,
};

/** `param` names the member of the request that is wrong, as OpenAI does. */
export function gatewayError(code: GatewayErrorCode, message: string, param?: string): TabloomError {
  return new TabloomError(code, message, param === undefined ? {} : { details: { param } });
}

export function badRequest(message: string, param: string): TabloomError {
  return new TabloomError('bad-request', message, { details: { param } });
}

/**
 * Any failure as HTTP. A coded error keeps its message; an error without a code is our own, and its details stay hidden. An
 * unknown code, from a newer peer, counts as that peer's failure.
 */
export function toHttpError(error: unknown): HttpError {
  const code = errorCode(error);
  const status = statusOf(code);
  const details = error instanceof TabloomError ? error.details : {};
  const text = code === 'internal' || !(error instanceof Error) ? wireErrors.internal.message : error.message;
  const message = code === 'too-long' ? withOpenAIWording(text) : text;
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

/** Clients that shorten a conversation and retry match on OpenAI's code or on this wording. */
const withOpenAIWording = (message: string): string =>
  message.includes('maximum context length')
    ? message
    : `This request exceeds the model's maximum context length. ${message}`;

function statusOf(code: string): number {
  if (Object.hasOwn(gatewayStatus, code)) return gatewayStatus[code as GatewayErrorCode];
  return isWireErrorCode(code) ? wireErrors[code].status : 502;
}

function retryAfter(code: string, retryAfterMs: unknown): number | undefined {
  if (typeof retryAfterMs === 'number' && retryAfterMs >= 0) return Math.max(1, Math.ceil(retryAfterMs / 1_000));
  return retryAfterSecondsDefault[code];
}
