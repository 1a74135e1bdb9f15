import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import type { ApiKey, KeyTerms } from '../../api-key.ts';
import { answers, gatewayFixture } from '../gateway.fixture.ts';

const owner = '0x00000000000000000000000000000000000000aa';
const token = { authorization: 'Bearer st_token' };

const scene = () => {
  const made: { readonly terms: KeyTerms; readonly owner: string }[] = [];
  const nonces = new Set(['fresh']);
  const domains: string[] = [];
  let isOpen = false;
  const recordOf = (terms: KeyTerms): ApiKey => ({ ...terms, id: 'id', owner, createdAt: 5_000, revokedAt: undefined });
  const fixture = gatewayFixture(answers('Hello'), {
    sessions: {
      drawNonce: async () => ({ nonce: 'fresh', expiresAt: 9_000 }),
      useNonce: async (nonce) => nonces.delete(nonce),
      async open() {
        isOpen = true;
        return { token: 'st_token', expiresAt: 7_000 };
      },
      find: async (given) => (isOpen && given === 'st_token' ? owner : undefined),
      async end() {
        isOpen = false;
      },
    },
    signIn: {
      nonceOf: (message) => message,
      async verify({ signature, domain }) {
        domains.push(domain);
        if (signature !== 'good') throw new TabloomError('bad-sign-in', 'The signature is not that of the wallet.');
        return owner;
      },
    },
    walletKeys: {
      async create(terms, of) {
        made.push({ terms, owner: of });
        return { key: 'sk_secret', record: recordOf(terms) };
      },
      list: async () => made.map(({ terms }) => recordOf(terms)),
      revoke: async (id, of) => id === 'id' && of === owner,
    },
  });
  const send = (method: string, path: string, body?: object, headers: Record<string, string> = token) =>
    fixture.request(path, {
      method,
      headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  const signIn = (message = 'fresh', signature = 'good') =>
    send('POST', '/v1/auth/sign-in', { message, signature }, {});
  return { ...fixture, send, signIn, made, domains };
};
const codeOf = async (response: Response) => [response.status, (await response.json()).error.code];

test('a wallet signs in with a nonce that serves once, and a message for this very host', async () => {
  const { send, signIn, domains } = scene();
  const nonce = await send('POST', '/v1/auth/nonce', undefined, {});
  expect(await nonce.json()).toEqual({ nonce: 'fresh', domain: 'localhost:8080', expires_at: 9 });
  expect(await (await signIn()).json()).toEqual({ token: 'st_token', address: owner, expires_at: 7 });
  expect(domains).toEqual(['localhost:8080']);
  expect(await codeOf(await signIn())).toEqual([401, 'bad_sign_in']);
});

test('a nonce is used up by a signature that is wrong', async () => {
  const { signIn } = scene();
  expect(await codeOf(await signIn('fresh', 'bad'))).toEqual([401, 'bad_sign_in']);
  expect(await codeOf(await signIn('fresh', 'good'))).toEqual([401, 'bad_sign_in']);
});

test('who has signed in makes, lists and revokes keys', async () => {
  const { send, signIn, made } = scene();
  for (const [method, path] of [
    ['GET', '/v1/keys'],
    ['POST', '/v1/keys'],
    ['DELETE', '/v1/keys/id'],
  ] as const) {
    expect(await codeOf(await send(method, path)), `${method} before`).toEqual([401, 'not_signed_in']);
  }
  await signIn();
  const wanted = {
    name: 'shop',
    type: 'publishable',
    origins: ['https://shop.example/'],
    expires_at: 2_000_000_000,
    caps: { requests_per_day: 5 },
  };
  const created = await send('POST', '/v1/keys', wanted);
  expect(created.status).toBe(201);
  const shown = {
    ...wanted,
    id: 'id',
    object: 'key',
    models: [],
    origins: ['https://shop.example'],
    created_at: 5,
    revoked_at: null,
  };
  expect(await created.json()).toEqual({ ...shown, key: 'sk_secret' });
  expect(made).toEqual([
    { terms: expect.objectContaining({ expiresAt: 2_000_000_000_000, caps: { requestsPerDay: 5 } }), owner },
  ]);
  expect(await (await send('GET', '/v1/keys')).json()).toEqual({ object: 'list', data: [shown] });
  expect(await (await send('DELETE', '/v1/keys/id')).json()).toEqual({ id: 'id', object: 'key', deleted: true });
  expect(await codeOf(await send('DELETE', '/v1/keys/other'))).toEqual([404, 'key_unknown']);
  expect((await send('POST', '/v1/auth/sign-out')).status).toBe(204);
  expect(await codeOf(await send('GET', '/v1/keys'))).toEqual([401, 'not_signed_in']);
});

test.each([
  [{ caps: { requests_per_hour: 5 } }, 'caps'],
  [{ caps: { requests_per_day: 0 } }, 'caps.requests_per_day'],
  [{ type: 'publishable' }, 'origins'],
  [{ owner: '0x1' }, 'body'],
  [{ expires_at: 'tomorrow' }, 'expires_at'],
  [{ expires_at: 1 }, 'expires_at'],
])('a key of %j is refused', async (body, param) => {
  const { send, signIn, made } = scene();
  await signIn();
  const refused = await send('POST', '/v1/keys', body);
  expect(refused.status).toBe(400);
  expect((await refused.json()).error.param).toBe(param);
  expect(made).toEqual([]);
});

test('other methods are named', async () => {
  const { send } = scene();
  expect((await send('PUT', '/v1/keys')).headers.get('allow')).toBe('GET, HEAD, POST');
  expect((await send('GET', '/v1/keys/id')).headers.get('allow')).toBe('DELETE');
  expect((await send('GET', '/v1/auth/nonce')).headers.get('allow')).toBe('POST');
});
