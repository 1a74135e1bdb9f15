import { expect, test } from 'vitest';
import { keyTermsSchema, type ApiKey } from '../../api-key.ts';
import { gatewayFixture } from '../gateway.fixture.ts';

const text = `sk_${'k'.repeat(43)}`;
const keyOf = (terms: object): ApiKey => ({
  ...keyTermsSchema.parse(terms),
  id: 'k',
  owner: undefined,
  createdAt: 0,
  revokedAt: undefined,
});
const ask = (key: ApiKey | undefined) =>
  gatewayFixture(undefined, { keys: { find: async () => key, hasOrigin: async () => false } }).request('/v1/key', {
    headers: key ? { authorization: `Bearer ${text}` } : {},
  });

test('a secret key is told what it may do, and what it has used', async () => {
  const response = await ask(keyOf({ name: 'shop', caps: { creditsPerMonth: 5 } }));
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    id: 'k',
    name: 'shop',
    caps: { credits_per_month: 5 },
    used: { requests_today: 0, credits_this_month: '1.25' },
    month_ends_at: 9,
  });
});

test('a key that stands in a page, and no key, are told nothing', async () => {
  const publishable = { type: 'publishable', origins: ['https://a.example'], caps: { requestsPerDay: 1 } };
  for (const key of [{ ...keyOf(publishable), origins: [] }, undefined]) expect((await ask(key)).status).toBe(401);
});
