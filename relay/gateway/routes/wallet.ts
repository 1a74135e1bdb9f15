import type { Handler } from 'hono';
import type { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { keyTermsSchema, type ApiKey, type KeyTerms } from '../../api-key.ts';
import { readJson, type BodyBudget } from '../body.ts';
import type { GatewayEnv } from '../caller.ts';
import { badRequest, gatewayError } from '../errors.ts';
import { parseMember } from '../request.ts';
import {
  fromTerms,
  keyRequestSchema,
  signedSchema,
  toTerms,
  type keySchema,
  type nonceSchema,
  type sessionSchema,
} from './wallet-bodies.ts';

/** Who has signed in, wherever that is stored. */
export interface Sessions {
  drawNonce(): Promise<{ readonly nonce: string; readonly expiresAt: number }>;
  useNonce(nonce: string): Promise<boolean>;
  open(address: string): Promise<{ readonly token: string; readonly expiresAt: number }>;
  find(token: string): Promise<string | undefined>;
  end(token: string): Promise<void>;
}

/** Reads what wallets sign. @throws `bad-sign-in`. */
export interface SignIn {
  nonceOf(message: string): string | Promise<string>;
  verify(signed: {
    readonly message: string;
    readonly signature: string;
    readonly domain: string;
    readonly now: number;
  }): Promise<string>;
}

/** The keys of a wallet. */
export interface WalletKeys {
  create(terms: KeyTerms, owner: string): Promise<{ readonly key: string; readonly record: ApiKey }>;
  list(owner: string): Promise<readonly ApiKey[]>;
  revoke(id: string, owner: string): Promise<boolean>;
}

export interface WalletComponents {
  readonly sessions: Sessions;
  readonly signIn: SignIn;
  readonly walletKeys: WalletKeys;
  readonly clock: Clock;
  readonly bodies: BodyBudget;
}

type Route = Handler<GatewayEnv>;
const seconds = (ms: number): number => Math.floor(ms / 1_000);

/** `POST /v1/auth/nonce`: for one sign-in, valid for ten minutes. */
export function giveNonce({ sessions }: WalletComponents): Route {
  return async (context) => {
    await context.get('rate')?.takeRequest();
    const { nonce, expiresAt } = await sessions.drawNonce();
    context.header('cache-control', 'no-store');
    const domain = context.req.header('host') ?? '';
    return context.json<z.output<typeof nonceSchema>>({ nonce, domain, expires_at: seconds(expiresAt) });
  };
}

/** `POST /v1/auth/sign-in`, with a message of EIP-4361 and its signature. The nonce is used up, whatever comes of it. */
export function signInWallet({ sessions, signIn, clock, bodies }: WalletComponents): Route {
  return async (context) => {
    await context.get('rate')?.takeRequest();
    const { value } = await readJson(context.req.raw, bodies, context.env?.body);
    const signed = parseMember(signedSchema, value);
    if (!(await sessions.useNonce(await signIn.nonceOf(signed.message)))) {
      throw gatewayError('bad-sign-in', 'The nonce of the message is used, expired or of another site. Get a new one.');
    }
    const domain = context.req.header('host') ?? '';
    const address = await signIn.verify({ ...signed, domain, now: clock.now() });
    const { token, expiresAt } = await sessions.open(address);
    context.header('cache-control', 'no-store');
    return context.json<z.output<typeof sessionSchema>>({ token, address, expires_at: seconds(expiresAt) });
  };
}

/** `POST /v1/auth/sign-out`. */
export function signOutWallet({ sessions }: WalletComponents): Route {
  return async (context) => {
    await sessions.end(readToken(context.req.header('authorization')));
    return context.body(null, 204);
  };
}

/** `GET /v1/keys`: those of the wallet that has signed in, newest first. */
export function listWalletKeys(components: WalletComponents): Route {
  return async (context) => {
    const owner = await ownerOf(components, context.req.header('authorization'));
    context.header('cache-control', 'no-store');
    return context.json({ object: 'list', data: (await components.walletKeys.list(owner)).map(writeKey) });
  };
}

/** `POST /v1/keys`. The answer is the only place where the key itself stands. */
export function createWalletKey(components: WalletComponents): Route {
  return async (context) => {
    const owner = await ownerOf(components, context.req.header('authorization'));
    const { value } = await readJson(context.req.raw, components.bodies, context.env?.body);
    const { expires_at, caps, ...given } = parseMember(keyRequestSchema, value);
    if (expires_at != null && expires_at * 1_000 <= components.clock.now()) {
      throw badRequest('"expires_at" must be a time to come, in seconds since 1970.', 'expires_at');
    }
    const terms = {
      ...given,
      ...(expires_at == null ? {} : { expiresAt: expires_at * 1_000 }),
      caps: toTerms(caps ?? {}),
    };
    const { key, record } = await components.walletKeys.create(parseMember(keyTermsSchema, terms), owner);
    context.header('cache-control', 'no-store');
    return context.json({ ...writeKey(record), key }, 201);
  };
}

/** `DELETE /v1/keys/{id}`. */
export function revokeWalletKey(components: WalletComponents): Route {
  return async (context) => {
    const owner = await ownerOf(components, context.req.header('authorization'));
    const id = context.req.param('id') ?? '';
    if (!(await components.walletKeys.revoke(id, owner))) {
      throw gatewayError('key-unknown', 'This wallet has no such key. GET /v1/keys lists those it has.');
    }
    return context.json({ id, object: 'key', deleted: true });
  };
}

export const readToken = (header: string | undefined): string => /^bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '';

async function ownerOf({ sessions }: WalletComponents, header: string | undefined): Promise<string> {
  const owner = await sessions.find(readToken(header));
  if (owner !== undefined) return owner;
  const message =
    'Sign in with a wallet first: POST /v1/auth/nonce, then /v1/auth/sign-in, and send the token as a bearer.';
  throw gatewayError('not-signed-in', message);
}

export const writeKey = ({
  id,
  name,
  type,
  models,
  origins,
  caps,
  createdAt,
  expiresAt,
  revokedAt,
}: ApiKey): z.output<typeof keySchema> => ({
  id,
  object: 'key',
  name,
  type,
  models,
  origins,
  caps: fromTerms(caps),
  created_at: seconds(createdAt),
  expires_at: expiresAt === undefined ? null : seconds(expiresAt),
  revoked_at: revokedAt === undefined ? null : seconds(revokedAt),
});
