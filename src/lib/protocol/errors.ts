import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from './limits.ts';

/**
 * Every error code that crosses the wire or reaches HTTP. `retry` is `elsewhere` if another worker may succeed, `later`
 * if the same one may, `never` if the request itself must change. `message` is the text shown to people.
 */
export const wireErrors = {
  'no-peer-available': {
    status: 503,
    retry: 'later',
    message: 'No peer is serving this model right now. Try again soon or use this device.',
  },
  'peer-lost': { status: 502, retry: 'elsewhere', message: 'The peer that was answering has gone away. Try again.' },
  'peer-failed': { status: 502, retry: 'elsewhere', message: 'The peer could not finish the answer. Try again.' },
  deadline: {
    status: 504,
    retry: 'later',
    message: 'The answer took longer than its deadline. Allow more time or ask for less.',
  },
  budget: { status: 402, retry: 'never', message: 'The budget for this job is used up. Raise it to continue.' },
  'refused-policy': { status: 403, retry: 'elsewhere', message: 'The peer does not accept this kind of request.' },
  'bad-request': { status: 400, retry: 'never', message: 'The request is not valid. Correct it and send it again.' },
  busy: { status: 429, retry: 'later', message: 'All workers are busy. Try again in a few seconds.' },
  'model-not-here': { status: 404, retry: 'elsewhere', message: 'The peer no longer serves this model.' },
  'model-not-found': {
    status: 404,
    retry: 'never',
    message: 'This model is unknown. Choose one from the list of models.',
  },
  'tier-unavailable': {
    status: 400,
    retry: 'never',
    message: 'No peer that serves this can prove the tier. Ask again later, or in the open tier.',
  },
  'feature-unavailable': {
    status: 400,
    retry: 'elsewhere',
    message: 'No peer serving this model supports everything the request needs. Ask for less or choose another model.',
  },
  'model-ambiguous': {
    status: 400,
    retry: 'never',
    message: 'Several peers serve a model with this name. Use one of the full names.',
  },
  'resume-unsupported': {
    status: 502,
    retry: 'elsewhere',
    message: 'The peer cannot resume this answer. Ask again from the start.',
  },
  price: { status: 402, retry: 'elsewhere', message: 'The price offered is below the price the peer asks.' },
  'payment-required': {
    status: 402,
    retry: 'elsewhere',
    message: 'This peer is paid for the model. Give the job a budget, or ask a peer that serves it for free.',
  },
  'payment-refused': {
    status: 402,
    retry: 'elsewhere',
    message: 'The payment was not accepted by the peer. Check the payment channel, or ask another peer.',
  },
  'too-long': {
    status: 400,
    retry: 'never',
    message: 'The conversation exceeds the context of the model. Shorten it.',
  },
  version: { status: 502, retry: 'elsewhere', message: 'The peer speaks another version of the protocol.' },
  'bad-frame': {
    status: 502,
    retry: 'elsewhere',
    message: 'The peer sent something that is not part of the protocol.',
  },
  'frame-too-large': {
    status: 413,
    retry: 'never',
    message: 'The message exceeds the maximum frame size. Send less at once.',
  },
  'bad-signature': { status: 502, retry: 'elsewhere', message: 'A signature does not match its content.' },
  'engine-failed': { status: 502, retry: 'elsewhere', message: 'The engine of the peer failed. Try again.' },
  draining: { status: 503, retry: 'elsewhere', message: 'The peer is shutting down and accepts no new work.' },
  cancelled: { status: 499, retry: 'never', message: 'The answer was stopped.' },
  'job-unknown': { status: 404, retry: 'never', message: 'No job with this id exists.' },
  internal: { status: 500, retry: 'elsewhere', message: 'An internal error occurred. Try again.' },
} as const satisfies Record<string, { status: number; retry: 'elsewhere' | 'later' | 'never'; message: string }>;

export type WireErrorCode = keyof typeof wireErrors;

export const wireErrorCodes = Object.keys(wireErrors) as readonly WireErrorCode[];

export const isWireErrorCode = (code: string): code is WireErrorCode => Object.hasOwn(wireErrors, code);

/** An error with the table's message, or a more specific one. */
export function wireError(
  code: WireErrorCode,
  message: string = wireErrors[code].message,
  options: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
): TabloomError {
  return new TabloomError(code, message, options);
}

/** An error code as received: any kebab-case word passes, since newer peers may know more codes. */
export const errorCodeLengthMax = 64;
export const errorCode = /^[a-z][a-z0-9-]*$/;
export const errorCodeSchema = z.string().max(errorCodeLengthMax).regex(errorCode);
export const errorMessageSchema = z.string().max(limits.errorMessageLengthMax);
