import type { MiddlewareHandler } from 'hono';
import type { Clock } from '#lib/base/clock.ts';
import { hashOfKey, isKey, type ApiKey } from '../api-key.ts';
import type { Attempts } from './attempts.ts';
import type { Credits } from './credits.ts';
import { gatewayError } from './errors.ts';
import { isOfThisMachine, type Caller, type GatewayEnv, type HeaderReader } from './caller.ts';
import type { RateLimits } from './rate-limits.ts';

/** The keys, wherever they are stored. */
export interface KeyReader {
  /** By the hash of the key; revoked and expired ones too. */
  find(hash: string): Promise<ApiKey | undefined>;
  /** Whether some valid key may be used from pages of this origin. */
  hasOrigin(origin: string): Promise<boolean>;
}

export interface AccessComponents {
  readonly keys: KeyReader;
  readonly clock: Clock;
}

/** Headers in which clients send their keys. */
const keyHeaders = ['authorization', 'x-api-key', 'api-key'] as const;

/** Undefined where there is none in the form of ours: clients send any text where no key is needed. */
function readKey(headers: HeaderReader): string | undefined {
  for (const name of keyHeaders) {
    const value = headers
      .get(name)
      ?.replace(/^bearer +/i, '')
      .trim();
    if (value !== undefined && isKey(value)) return value;
  }
  return undefined;
}

/** Whether there is one in the form of ours. */
export const hasKey = (headers: HeaderReader): boolean => readKey(headers) !== undefined;

/** Identifies a caller, whose headers distinguish it from others: of what it sent as a key, whatever that is. */
export const keyTexts = (headers: HeaderReader): string => keyHeaders.map((name) => headers.get(name) ?? '').join('\n');

/**
 * Whether a key lets pages of an origin use this relay that otherwise may not. A preflight carries no key: there it is
 * enough that some key names the origin, and the request that follows shows which.
 */
export async function keyAdmits(request: Request, origin: string | undefined, keys: KeyReader): Promise<boolean> {
  if (origin === undefined) return false;
  if (request.method === 'OPTIONS') return keys.hasOrigin(origin);
  const text = readKey(request.headers);
  const key = text === undefined ? undefined : await keys.find(hashOfKey(text));
  return key?.origins.includes(origin) ?? false;
}

/** Identifies who asks. A key that is wrong is refused, even where none is needed. */
export const identifyCaller =
  (components: AccessComponents): MiddlewareHandler<GatewayEnv> =>
  async (context, next) => {
    const { headers } = context.req.raw;
    const address = context.env?.client;
    context.set('caller', callerWithoutKey(headers, address) ?? (await callerOfKey(components, headers, address)));
    await next();
  };

/** Who asks without a key; undefined for a request that carries one. */
export function callerWithoutKey(headers: HeaderReader, address: string | undefined): Caller | undefined {
  if (readKey(headers) !== undefined) return undefined;
  return isOfThisMachine(address, headers) ? { type: 'local' } : { type: 'stranger', address: address! };
}

/** Who asks with a key. @throws `invalid-api-key`, `origin-not-allowed`. */
export async function callerOfKey(
  { keys, clock }: AccessComponents,
  headers: HeaderReader,
  address: string | undefined,
): Promise<Caller> {
  const key = await keys.find(hashOfKey(readKey(headers)!));
  return { type: 'key', key: checkKey(key, headers, clock.now()), address };
}

/** Refuses strangers where the operator wants a key, unless they pay. */
export const requireKey =
  (needed: 'optional' | 'required', credits?: Credits): MiddlewareHandler<GatewayEnv> =>
  async (context, next) => {
    assertAdmitted(needed, credits, context.get('caller'), () => context.req.raw.headers);
    await next();
  };

/** @throws `invalid-api-key` for a stranger where a key is needed, unless the request carries a payment. */
export function assertAdmitted(
  needed: 'optional' | 'required',
  credits: Credits | undefined,
  caller: Caller,
  headersOf: () => Headers,
): void {
  if (needed !== 'required' || caller.type !== 'stranger' || credits?.carries(headersOf())) return;
  throw gatewayError('invalid-api-key', 'This relay answers with a key only. Send one as "Authorization: Bearer …".');
}

/** Finds the caller's rates for the handler, and reports what is left of them, in refusals too. */
export const reportRates =
  (limits: RateLimits): MiddlewareHandler<GatewayEnv> =>
  async (context, next) => {
    const rate = limits.of(context.get('caller'));
    context.set('rate', rate);
    await next();
    if (rate) for (const [name, value] of Object.entries(rate.headers())) context.res.headers.set(name, value);
  };

/** @throws `invalid-api-key`, `origin-not-allowed`. */
function checkKey(key: ApiKey | undefined, headers: HeaderReader, now: number): ApiKey {
  if (!key) throw gatewayError('invalid-api-key', 'This relay does not know this key. Check it, or make a new one.');
  if (key.revokedAt !== undefined) throw gatewayError('invalid-api-key', 'This key was revoked. Use another one.');
  if (key.expiresAt !== undefined && key.expiresAt <= now) {
    throw gatewayError('invalid-api-key', 'This key has expired. Use another one.');
  }
  if (key.origins.length > 0 && !key.origins.includes(headers.get('origin') ?? '')) {
    throw gatewayError('origin-not-allowed', 'This key is for the pages of other origins. Use a key of your own.');
  }
  return key;
}

/**
 * @param alias what was asked for where that stands for a model.
 * @throws `model-not-allowed` for a model that the caller's key does not name.
 */
export function assertModelsAllowed(caller: Caller, attempts: Attempts, alias?: string): void {
  if (caller.type !== 'key' || caller.key.models.length === 0) return;
  const { models } = caller.key;
  const asked = alias === undefined ? attempts.map(({ model }) => model) : [alias];
  if (asked.every((model) => models.includes(model))) return;
  throw gatewayError('model-not-allowed', `This key may use ${models.join(', ')}. Ask for one of them.`, 'model');
}
