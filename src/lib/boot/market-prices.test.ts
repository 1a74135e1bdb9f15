import { expect, test } from 'vitest';
import { readMarketPrices } from './market-prices.ts';

const entry = {
  kind: 'llm',
  model: 'tabloom-demo',
  unit: '1k_tokens',
  price_credits: '0.25',
  low_credits: '0.2',
  high_credits: '1',
  payers: 4,
  units: 120,
  until: Date.parse('2026-11-30') / 1_000,
};
const answering = (body: unknown, status = 200) =>
  (async () => Response.json(body, { status })) as typeof globalThis.fetch;

test('a price is dollars for a million tokens, exactly, with what it rests on', async () => {
  const prices = await readMarketPrices(answering({ object: 'list', data: [entry, { ...entry, price_credits: '3' }] }));
  // A quarter of a cent for a thousand is two dollars and a half for a million.
  expect(prices).toEqual([
    {
      kind: 'llm',
      model: 'tabloom-demo',
      perMillion: 2_500_000n,
      low: 2_000_000n,
      high: 10_000_000n,
      payers: 4,
      tokens: 120_000,
      until: Date.parse('2026-11-30'),
    },
    expect.objectContaining({ perMillion: 30_000_000n }),
  ]);
  const [least] = await readMarketPrices(answering({ data: [{ ...entry, price_credits: '0.000001' }] }));
  expect(least!.perMillion).toBe(10n);
});

test('a relay that keeps no prices has none; of a list no more than a page shows is taken', async () => {
  expect(await readMarketPrices(answering({}, 404))).toEqual([]);
  expect(await readMarketPrices(answering({ data: Array.from({ length: 300 }, () => entry) }))).toHaveLength(200);
});

test.each([
  ['an error', answering({ error: {} }, 500)],
  ['a negative price', answering({ data: [{ ...entry, price_credits: '-1' }] })],
  ['a day that is none', answering({ data: [{ ...entry, until: 1e15 }] })],
  ['a spread that is missing', answering({ data: [{ ...entry, low_credits: undefined }] })],
  ['a price that is no number', answering({ data: [{ ...entry, price_credits: '1e9' }] })],
  ['silence', (() => Promise.reject(new TypeError('failed'))) as typeof globalThis.fetch],
])('%s is said with a code, and is no price', async (_, fetch) => {
  await expect(readMarketPrices(fetch)).rejects.toMatchObject({ code: 'net-offline' });
});
