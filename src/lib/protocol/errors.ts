import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from './limits.ts';

/**
 * The codes that cross the wire or reach HTTP. `retry`: `elsewhere` another worker may do it, `later` the same one may,
 * `never` the request itself must change.
 */
export const wireErrors = {
  'no-peer-available': {
    status: 503,
    retry: 'later',
    says: 'No peer serves this model now. Try again soon or use this device.',
  },
  'peer-lost': { status: 502, retry: 'elsewhere', says: 'The peer that was answering has gone away. Try again.' },
  'peer-failed': { status: 502, retry: 'elsewhere', says: 'The peer could not finish the answer. Try again.' },
  deadline: {
    status: 504,
    retry: 'later',
    says: 'The answer took longer than its deadline. Allow more time or ask for less.',
  },
  budget: { status: 402, retry: 'never', says: 'The budget of this job is used up. Raise it to go on.' },
  'refused-policy': { status: 403, retry: 'elsewhere', says: 'The peer does not accept this kind of request.' },
  'bad-request': { status: 400, retry: 'never', says: 'The request is not valid. Correct it and send it again.' },
  busy: { status: 429, retry: 'later', says: 'All workers are busy. Try again in a few seconds.' },
  'model-not-here': { status: 404, retry: 'elsewhere', says: 'The peer does not serve this model any more.' },
  'model-not-found': {
    status: 404,
    retry: 'never',
    says: 'Nobody here knows this model. Choose one from the list of models.',
  },
  'tier-unavailable': {
    status: 400,
    retry: 'never',
    says: 'Nobody here can prove this tier. Ask for the tier "open".',
  },
  'feature-unavailable': {
    status: 400,
    retry: 'elsewhere',
    says: 'No peer that serves this model can do what the request asks of it. Ask for less or choose another model.',
  },
  'model-ambiguous': {
    status: 400,
    retry: 'never',
    says: 'Several peers serve a model of this name. Ask for one of the full names.',
  },
  'resume-unsupported': {
    status: 502,
    retry: 'elsewhere',
    says: 'The peer cannot go on with this answer from where it stands. Ask again from the start.',
  },
  price: { status: 402, retry: 'elsewhere', says: 'The price offered is below what the peer asks.' },
  'too-long': { status: 400, retry: 'never', says: 'The conversation is longer than the model can read. Shorten it.' },
  version: { status: 502, retry: 'elsewhere', says: 'The peer speaks another version of the protocol.' },
  'bad-frame': { status: 502, retry: 'elsewhere', says: 'The peer sent something that is not part of the protocol.' },
  'frame-too-large': {
    status: 413,
    retry: 'never',
    says: 'The message is larger than a frame may be. Send less at once.',
  },
  'bad-signature': { status: 502, retry: 'elsewhere', says: 'A signature does not match its content.' },
  'engine-failed': { status: 502, retry: 'elsewhere', says: 'The engine of the peer failed. Try again.' },
  draining: { status: 503, retry: 'elsewhere', says: 'The peer is going away and takes no new work.' },
  cancelled: { status: 499, retry: 'never', says: 'The answer was stopped.' },
  'job-unknown': { status: 404, retry: 'never', says: 'No job of this id is known here.' },
  internal: { status: 500, retry: 'elsewhere', says: 'Something failed inside. Try again.' },
} as const satisfies Record<string, { status: number; retry: 'elsewhere' | 'later' | 'never'; says: string }>;

export type WireErrorCode = keyof typeof wireErrors;

export const wireErrorCodes = Object.keys(wireErrors) as readonly WireErrorCode[];

export const isWireErrorCode = (code: string): code is WireErrorCode => Object.hasOwn(wireErrors, code);

/** An error in the words of the table, with an own sentence where that says more. */
export function wireError(
  code: WireErrorCode,
  message: string = wireErrors[code].says,
  options: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
): TabloomError {
  return new TabloomError(code, message, options);
}

/** A peer's code as received: any kebab-case word is let through, since newer peers may know more of them. */
export const errorCodeSchema = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9-]*$/);
export const errorMessageSchema = z.string().max(limits.errorMessageLengthMax);
