import type { ApiKey } from '../api-key.ts';
import type { RequestRate } from './rate-limits.ts';

/** Who asks. */
export type Caller =
  /** A program on the relay's own machine, which is its owner's. */
  | { readonly type: 'local' }
  | { readonly type: 'stranger'; readonly address: string }
  | { readonly type: 'key'; readonly key: ApiKey; readonly address: string | undefined };

/**
 * The relay's owner: a program on its machine, or one with a secret key that he made himself, not a wallet. A key with a plan he
 * has sold.
 */
export const isOwner = (caller: Caller): boolean =>
  caller.type === 'local' ||
  (caller.type === 'key' && caller.key.type === 'secret' && caller.key.owner === undefined && !hasPlan(caller));

export const hasPlan = (caller: Caller): boolean =>
  caller.type === 'key' && caller.key.caps.creditsPerMonth !== undefined;

/** What a request comes with beside itself. */
export interface RequestOrigin {
  /** IP address of the client, behind trusted proxies too; undefined without a socket. */
  readonly client?: string | undefined;
  /** The request's body, once, without the stream of the web that would be built around it. */
  readonly body?: AsyncIterable<Uint8Array> | undefined;
}

/** The headers of a request, however it was read. */
export type HeaderReader = Pick<Headers, 'get' | 'has'>;

/** What the handlers of `/v1` find in their context. */
export interface GatewayEnv {
  readonly Bindings: RequestOrigin;
  readonly Variables: { readonly caller: Caller; readonly rate: RequestRate | undefined };
}

export const isLoopback = (host: string): boolean => host === '::1' || host.startsWith('127.');

/**
 * Whether a request comes from the relay's own machine. A proxy there that was not named as trusted makes the network look
 * like this machine, but says so.
 */
export const isOfThisMachine = (address: string | undefined, headers: HeaderReader): boolean =>
  address === undefined || (isLoopback(address) && !headers.has('x-forwarded-for') && !headers.has('forwarded'));
