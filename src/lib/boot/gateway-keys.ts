import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError, toErrorRecord } from '#lib/base/errors.ts';
import { camelCase, snakeCase } from '#lib/base/letter-case.ts';
import { createLive } from '#lib/base/live.ts';
import { readBody } from '#lib/base/read-json.ts';
import type { Random } from '#lib/base/random.ts';
import { signCreditPayment, type CreditPayment } from '#lib/pay/buy-credits.ts';
import { signInMessage } from '#lib/pay/sign-in-message.ts';
import type { CreditsView, GatewayKeyView, KeysAction, KeysPort, KeysView } from '#lib/state/keys.ts';
import type { KeyWallets, TextSigner } from './key-wallets.ts';

export { createKeyWallets } from './key-wallets.ts';

export interface KeysComponents {
  readonly wallets: KeyWallets;
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: typeof globalThis.fetch;
  /** Of the page. */
  readonly location: Pick<Location, 'host' | 'origin'>;
}

const timeoutMs = 15_000;
/** A payment is answered when the chain has it. */
const buyTimeoutMs = 90_000;
/** A payment that ends sooner is not sent again. */
const marginSeconds = 30;
/** A thousand keys, each with its models and origins. */
const answerBytesMax = 2 ** 22;
/** Keys that a page shows; a wallet has at most a hundred that work. */
const keysMax = 1_000;

const seconds = z.number().int();
const keySchema = z.object({
  id: z.string().max(64),
  name: z.string().max(256),
  type: z.enum(['secret', 'publishable']),
  models: z.array(z.string()),
  origins: z.array(z.string()),
  caps: z.record(z.string(), z.number()),
  created_at: seconds,
  expires_at: seconds.nullable(),
  revoked_at: seconds.nullable(),
});
const listSchema = z.object({ data: z.array(keySchema) });
const madeSchema = keySchema.extend({ key: z.string().max(256) });
const nonceSchema = z.object({ nonce: z.string().max(256) });
const sessionSchema = z.object({ token: z.string().max(512), address: z.string().max(64) });
const amount = z.string().max(64);
const creditsSchema = z.object({
  balance: amount,
  held: amount,
  price: z.object({ input_per_million: amount, output_per_million: amount }),
  chain: z.object({
    id: z.number().int(),
    name: z.string().max(64),
    token: z.string().max(32),
    pay_to: z.string().max(64),
  }),
});
const refusalSchema = z.object({ error: z.object({ code: z.string().nullable(), message: z.string() }) });

/** Makes, lists and revokes keys at the relay of this page. The session lives as long as the page, and is stored nowhere. */
export function openGatewayKeys({ wallets, clock, random, fetch, location }: KeysComponents): KeysPort {
  const view = createLive<KeysView>({
    phase: 'signed-out',
    found: [],
    address: undefined,
    keys: [],
    made: undefined,
    credits: undefined,
    bought: undefined,
    pending: undefined,
    error: undefined,
  });
  let token: string | undefined;
  let signer: TextSigner | undefined;
  /** Signed, and not known to have been taken or refused. */
  let open: (CreditPayment & { readonly credits: number }) | undefined;

  const forget = () => {
    token = undefined;
    signer = undefined;
    open = undefined;
    const nothing = { keys: [], made: undefined, credits: undefined, bought: undefined };
    view.change({ phase: 'signed-out', address: undefined, ...nothing });
  };

  const send = async (method: string, path: string, body?: object, more: Sending = {}): Promise<Answer> => {
    let response: Response;
    try {
      response = await fetch(path, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...more.headers,
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(more.timeoutMs ?? timeoutMs),
      });
    } catch (cause) {
      throw new TabloomError('net-offline', 'The relay of this page does not answer. Try again later.', { cause });
    }
    const { status, ok } = response;
    if (status === 204) return { status, ok, body: undefined };
    return { status, ok, body: await readBody(response, answerBytesMax).catch(() => undefined) };
  };
  const call = async (method: string, path: string, body?: object): Promise<unknown> =>
    taken(await send(method, path, body));
  const taken = ({ status, ok, body: answer }: Answer): unknown => {
    if (status === 204) return undefined;
    if (ok && answer !== undefined) return answer;
    const { error } = refusalSchema.safeParse(answer).data ?? {};
    // Its codes are written with underscores, as those of OpenAI are.
    const code = error?.code?.replaceAll('_', '-');
    if (error && code && code !== 'not-found') throw new TabloomError(code, error.message);
    throw noKeysHere();
  };
  const read = <T>(schema: z.ZodType<T>, answer: unknown): T => {
    const { data, success } = schema.safeParse(answer);
    if (!success) throw noKeysHere();
    return data;
  };

  /** One after the other: what a second press would do is refused by what is shown. */
  const act = async (action: KeysAction, work: () => Promise<void>) => {
    view.change({ pending: action, error: undefined });
    try {
      await work();
    } catch (error) {
      const record = toErrorRecord(error);
      if (record.code === 'not-signed-in') forget();
      view.change({ error: { ...record, action } });
      throw error;
    } finally {
      view.change({ pending: undefined });
    }
  };
  const list = async () =>
    view.change({
      keys: read(listSchema, await call('GET', '/v1/keys'))
        .data.slice(0, keysMax)
        .map(toView),
    });
  /** A relay that sells none says so, and then nothing of them is shown. */
  const readCredits = async () => {
    try {
      view.change({ credits: toCredits(read(creditsSchema, await call('GET', '/v1/credits'))) });
    } catch (error) {
      if (!noCredits.has(errorCode(error))) throw error;
      view.change({ credits: undefined });
    }
  };

  const payFor = async (credits: number) => {
    const { credits: shop } = view.current;
    if (!shop || !signer) throw noKeysHere();
    const path = '/v1/credits/buy';
    const now = Math.floor(clock.now() / 1_000);
    // One whose end nobody saw may have been collected: a second one would be paid too.
    if (open === undefined || open.credits !== credits || open.validBefore - marginSeconds < now) {
      const asked = await send('POST', path, { credits });
      if (asked.status !== 402) taken(asked);
      const { id: chainId, payTo } = shop.chain;
      const { address, signData } = signer;
      const wallet = { address, signTypedData: signData };
      const signed = await signCreditPayment(asked.body, { chainId, payTo, credits }, wallet, { random, now });
      open = { ...signed, credits };
    }
    const sending = { headers: { 'payment-signature': open.header }, timeoutMs: buyTimeoutMs };
    const answer = await send('POST', path, { credits }, sending);
    // Whatever else it says, it may still collect it, or have done so.
    if (answer.ok || answer.status === 402) open = undefined;
    taken(answer);
    view.change({ bought: credits });
    await readCredits();
  };

  const signInWith = async (wallet: TextSigner) => {
    const { nonce } = read(nonceSchema, await call('POST', '/v1/auth/nonce'));
    const message = signInMessage({
      address: wallet.address,
      chainId: await wallet.chainId(),
      domain: location.host,
      uri: `${location.origin}/keys`,
      nonce,
      issuedAt: clock.now(),
    });
    const signature = await wallet.sign(message);
    const session = read(sessionSchema, await call('POST', '/v1/auth/sign-in', { message, signature }));
    ({ token } = session);
    signer = wallet;
    view.change({ phase: 'signed-in', address: session.address });
    await Promise.all([list(), readCredits()]);
  };

  return {
    view,
    look: () => wallets.watch((found) => view.change({ found })),
    signIn: (wallet) =>
      act('sign-in', async () => {
        forget();
        await signInWith(wallet.kind === 'burner' ? await wallets.burner() : await wallets.connect(wallet.id));
      }),
    signOut: () =>
      act('sign-out', async () => {
        // Where the relay does not hear of it, the session ends by itself.
        await call('POST', '/v1/auth/sign-out').catch(() => undefined);
        forget();
      }),
    refresh: () => act('refresh', async () => void (await Promise.all([list(), readCredits()]))),
    create: ({ expiresAt, caps, ...wish }) =>
      act('create', async () => {
        const expires = expiresAt === undefined ? {} : { expires_at: Math.floor(expiresAt / 1_000) };
        const limits = Object.fromEntries(Object.entries(caps).map(([name, cap]) => [snakeCase(name), cap]));
        const { id, key } = read(madeSchema, await call('POST', '/v1/keys', { ...wish, ...expires, caps: limits }));
        // Shown before anything else may fail: nobody can ask for it again.
        view.change({ made: { id, key } });
        await list();
      }),
    revoke: (id) =>
      act('revoke', async () => {
        await call('DELETE', `/v1/keys/${encodeURIComponent(id)}`);
        if (view.current.made?.id === id) view.change({ made: undefined });
        await list();
      }),
    buy: (credits) => act('buy', () => payFor(credits)),
    putAway: () => view.change({ made: undefined }),
  };
}

interface Sending {
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

interface Answer {
  readonly status: number;
  readonly ok: boolean;
  /** Undefined where it has none that can be read. */
  readonly body: unknown;
}

/** What a relay says that sells no credits, or knows nothing of them. */
const noCredits: ReadonlySet<string> = new Set(['credits-unavailable', 'no-keys']);

const toCredits = ({ balance, held, price, chain }: z.output<typeof creditsSchema>): CreditsView => ({
  balance,
  held,
  price: { in: price.input_per_million, out: price.output_per_million },
  chain: { id: chain.id, name: chain.name, token: chain.token, payTo: chain.pay_to },
});

const noKeysHere = () => new TabloomError('no-keys', 'This page has no gateway that gives out keys.');

const toView = ({ created_at, expires_at, revoked_at, caps, ...key }: z.output<typeof keySchema>): GatewayKeyView => ({
  ...key,
  caps: Object.fromEntries(Object.entries(caps).map(([name, cap]) => [camelCase(name), cap])),
  createdAt: created_at * 1_000,
  expiresAt: expires_at === null ? undefined : expires_at * 1_000,
  revokedAt: revoked_at === null ? undefined : revoked_at * 1_000,
});
