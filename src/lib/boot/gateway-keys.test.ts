import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { seededRandom } from '#lib/base/random.ts';
import { creditChain } from '#lib/pay/buy-credits.ts';
import { payError } from '#lib/pay/errors.ts';
import { createSignIn } from '#lib/pay/sign-in.ts';
import { openBurner } from '#lib/pay/wallet/burner.ts';
import type { KeyWish } from '#lib/state/keys.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { openGatewayKeys } from './gateway-keys.ts';

const now = Date.parse('2026-11-30T12:00:00Z');
const host = 'relay.example:8443';
const wish: KeyWish = {
  name: 'shop',
  type: 'publishable',
  models: ['demo'],
  origins: ['https://shop.example'],
  expiresAt: now + 500,
  caps: { requestsPerDay: 5 },
};

interface Asked {
  readonly path: string;
  readonly body: unknown;
  readonly authorization: string | null;
}

const payTo = '0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f';
const { token: dollar } = creditChain(31_337)!;

/** A relay that checks signatures as the real one does, and holds one key. A shop sells credits, and may fall silent after taking a payment. */
async function desk({
  relay = 'with-keys' as 'with-keys' | 'pages-only' | 'away',
  shop = undefined as { asks?: string; refuses?: boolean; silent?: number } | undefined,
} = {}) {
  const burner = await openBurner({ storage: createMemoryStorage(), random: seededRandom(1) });
  const signIn = createSignIn({ rpcUrl: undefined, fetch });
  const asked: Asked[] = [];
  const kept: Record<string, unknown>[] = [];
  let isOpen = false;
  const payments: string[] = [];
  let silent = shop?.silent ?? 0;
  const sell = ({ credits }: { readonly credits: number }, payment: string | null): Response => {
    if (payment === null) {
      const accepts = [
        {
          scheme: 'exact',
          network: 'eip155:31337',
          asset: dollar.address,
          amount: shop?.asks ?? String(credits * 10_000),
          payTo,
          extra: { name: dollar.name, version: dollar.version },
        },
      ];
      const error = { code: 'payment_required', message: 'Pay.', type: 'x', param: null };
      return Response.json({ error, x402Version: 2, accepts }, { status: 402 });
    }
    payments.push(payment);
    if (silent-- > 0) throw new TypeError('Failed to fetch');
    const error = { code: 'insufficient_funds', message: 'There is too little.', type: 'x', param: null };
    return shop?.refuses ? Response.json({ error }, { status: 402 }) : Response.json({ object: 'credit.purchase' });
  };
  const answer = async ({ path, body }: Asked, payment: string | null): Promise<Response> => {
    const refuse = (status: number, code: string) =>
      Response.json({ error: { code, message: `It says ${code}.`, type: 'x', param: null } }, { status });
    if (path === 'POST /v1/auth/nonce') return Response.json({ nonce: '0123456789abcdef', domain: host });
    if (path === 'POST /v1/auth/sign-in') {
      const { message, signature } = body as { readonly message: string; readonly signature: string };
      if (signIn.nonceOf(message) !== '0123456789abcdef') return refuse(401, 'bad_sign_in');
      const address = await signIn.verify({ message, signature, domain: host, now }).catch(() => undefined);
      isOpen = address !== undefined;
      return address ? Response.json({ token: 'st_1', address, expires_at: 1 }) : refuse(401, 'bad_sign_in');
    }
    if (!isOpen) return refuse(401, 'not_signed_in');
    if (path === 'POST /v1/auth/sign-out') return ((isOpen = false), new Response(null, { status: 204 }));
    if (path === 'GET /v1/credits') {
      if (!shop) return refuse(404, 'credits_unavailable');
      const price = { input_per_million: '20', output_per_million: '60.5' };
      const chain = { id: 31_337, name: 'Local chain', token: 'tUSDC', pay_to: payTo };
      const balance = String(new Set(payments).size * 500);
      return Response.json({ object: 'credits', address: burner.address, balance, held: '0', price, chain });
    }
    if (path === 'POST /v1/credits/buy') return sell(body as { readonly credits: number }, payment);
    if (path === 'GET /v1/keys') return Response.json({ object: 'list', data: kept });
    if (path === 'POST /v1/keys') {
      const given = { expires_at: null, ...(body as object), id: 'k1', created_at: 5, revoked_at: null };
      kept.push(given);
      return Response.json({ ...given, key: 'pk_secret' }, { status: 201 });
    }
    if (path === 'DELETE /v1/keys/k1') {
      Object.assign(kept[0]!, { revoked_at: 9 });
      return Response.json({ id: 'k1', deleted: true });
    }
    return refuse(404, 'key_unknown');
  };
  const clock = manualClock(now);
  const keys = openGatewayKeys({
    clock,
    random: seededRandom(2),
    location: { host, origin: `https://${host}` },
    wallets: {
      burner: async () => ({
        address: burner.address,
        chainId: async () => 8453,
        sign: burner.signMessage,
        signData: burner.signTypedData,
      }),
      connect: async () => {
        throw payError('rejected');
      },
      watch: (listener) => (listener([{ id: 'fox', name: 'Fox' }]), () => listener([])),
    },
    fetch: async (path, { method, body, headers } = {}) => {
      if (relay === 'away') throw new TypeError('Failed to fetch');
      if (relay === 'pages-only') return new Response('<!doctype html>', { status: method === 'GET' ? 200 : 404 });
      const one = {
        path: `${method} ${String(path)}`,
        body: typeof body === 'string' ? JSON.parse(body) : undefined,
        authorization: new Headers(headers).get('authorization'),
      };
      asked.push(one);
      return answer(one, new Headers(headers).get('payment-signature'));
    },
  });
  return { keys, asked, payments, clock, burner, end: () => (isOpen = false) };
}

test('a wallet signs in with a text for this very page, and its keys are listed', async () => {
  const { keys, asked, burner } = await desk();
  await keys.signIn({ kind: 'burner' });
  expect(keys.view.current).toMatchObject({
    phase: 'signed-in',
    address: burner.address.toLowerCase(),
    keys: [],
    pending: undefined,
    error: undefined,
  });
  expect(asked.map(({ path }) => path)).toEqual([
    'POST /v1/auth/nonce',
    'POST /v1/auth/sign-in',
    'GET /v1/keys',
    'GET /v1/credits',
  ]);
  expect(asked.map(({ authorization }) => authorization)).toEqual([null, null, 'Bearer st_1', 'Bearer st_1']);
});

test('a key is made as it was wished, shown until it is put away, and revoked', async () => {
  const { keys, asked } = await desk();
  await keys.signIn({ kind: 'burner' });
  await keys.create(wish);
  expect(asked.find(({ path }) => path === 'POST /v1/keys')!.body).toEqual({
    name: 'shop',
    type: 'publishable',
    models: ['demo'],
    origins: ['https://shop.example'],
    expires_at: now / 1_000,
    caps: { requests_per_day: 5 },
  });
  expect(keys.view.current.made).toEqual({ id: 'k1', key: 'pk_secret' });
  const shown = { ...wish, id: 'k1', createdAt: 5_000, expiresAt: now, revokedAt: undefined };
  expect(keys.view.current.keys).toEqual([shown]);
  expect(JSON.stringify(keys.view.current.keys)).not.toContain('pk_secret');
  keys.putAway();
  expect(keys.view.current.made).toBeUndefined();
  await keys.revoke('k1');
  expect(keys.view.current.keys).toEqual([{ ...shown, revokedAt: 9_000 }]);
});

test('a wallet that refuses leaves everything as it was, and says so', async () => {
  const { keys, asked } = await desk();
  await expect(keys.signIn({ kind: 'injected', id: 'fox' })).rejects.toMatchObject({ code: 'rejected' });
  expect(keys.view.current).toMatchObject({
    phase: 'signed-out',
    pending: undefined,
    error: { code: 'rejected', action: 'sign-in' },
  });
  expect(asked).toEqual([]);
});

test('a session that has ended asks for another sign-in', async () => {
  const { keys, end } = await desk();
  await keys.signIn({ kind: 'burner' });
  await keys.create(wish);
  end();
  await expect(keys.refresh()).rejects.toMatchObject({ code: 'not-signed-in' });
  expect(keys.view.current).toMatchObject({ phase: 'signed-out', keys: [], made: undefined });
});

test('who signs out is forgotten, here and there', async () => {
  const { keys, asked } = await desk();
  await keys.signIn({ kind: 'burner' });
  await keys.signOut();
  expect(asked.at(-1)).toMatchObject({ path: 'POST /v1/auth/sign-out', authorization: 'Bearer st_1' });
  expect(keys.view.current).toMatchObject({ phase: 'signed-out', address: undefined });
  await expect(keys.refresh()).rejects.toMatchObject({ code: 'not-signed-in' });
  expect(asked.at(-1)!.authorization).toBeNull();
});

test.each([
  ['pages-only', 'no-keys'],
  ['away', 'net-offline'],
] as const)('a page whose relay is %s says %s', async (relay, code) => {
  const { keys } = await desk({ relay });
  await expect(keys.signIn({ kind: 'burner' })).rejects.toMatchObject({ code });
  expect(keys.view.current).toMatchObject({ phase: 'signed-out', error: { code } });
});

test('wallets of the browser are looked for until nobody asks', async () => {
  const { keys } = await desk();
  const end = keys.look();
  expect(keys.view.current.found).toEqual([{ id: 'fox', name: 'Fox' }]);
  end();
  expect(keys.view.current.found).toEqual([]);
});

test('a relay that charges nothing shows no credits, and none can be bought', async () => {
  const { keys } = await desk();
  await keys.signIn({ kind: 'burner' });
  expect(keys.view.current.credits).toBeUndefined();
  await expect(keys.buy(500)).rejects.toMatchObject({ code: 'no-keys' });
});

test('credits are bought with the wallet that has signed in, for what was shown', async () => {
  const { keys, payments, burner } = await desk({ shop: {} });
  await keys.signIn({ kind: 'burner' });
  expect(keys.view.current.credits).toEqual({
    balance: '0',
    held: '0',
    price: { in: '20', out: '60.5' },
    chain: { id: 31_337, name: 'Local chain', token: 'tUSDC', payTo },
  });
  await keys.buy(500);
  expect(JSON.parse(atob(payments[0]!)).payload.authorization).toMatchObject({
    from: burner.address,
    value: '5000000',
  });
  expect(keys.view.current).toMatchObject({ bought: 500, credits: { balance: '500' }, error: undefined });
  await keys.signOut();
  expect(keys.view.current).toMatchObject({ bought: undefined, credits: undefined });
});

test('a relay that asks for more than was shown is paid nothing', async () => {
  const { keys, payments } = await desk({ shop: { asks: '5000001' } });
  await keys.signIn({ kind: 'burner' });
  await expect(keys.buy(500)).rejects.toMatchObject({ code: 'terms-differ' });
  expect(payments).toEqual([]);
  expect(keys.view.current.error).toMatchObject({ code: 'terms-differ', action: 'buy' });
});

test('a payment whose answer was lost is sent again, and no second one is signed', async () => {
  const { keys, payments } = await desk({ shop: { silent: 1 } });
  await keys.signIn({ kind: 'burner' });
  await expect(keys.buy(500)).rejects.toMatchObject({ code: 'net-offline' });
  await keys.buy(500);
  expect(payments).toHaveLength(2);
  expect(new Set(payments).size).toBe(1);
  expect(keys.view.current.credits?.balance).toBe('500');
  await keys.buy(500);
  expect(new Set(payments).size).toBe(2);
});

test('a payment whose end has passed is not sent again', async () => {
  const { keys, payments, clock } = await desk({ shop: { silent: 1 } });
  await keys.signIn({ kind: 'burner' });
  await expect(keys.buy(500)).rejects.toMatchObject({ code: 'net-offline' });
  await clock.advance(600_000);
  await keys.buy(500);
  expect(new Set(payments).size).toBe(2);
});

test('a payment that was refused is signed anew', async () => {
  const { keys, payments } = await desk({ shop: { refuses: true } });
  await keys.signIn({ kind: 'burner' });
  for (const _ of [1, 2]) await expect(keys.buy(500)).rejects.toMatchObject({ code: 'insufficient-funds' });
  expect(new Set(payments).size).toBe(2);
  expect(keys.view.current.bought).toBeUndefined();
});
