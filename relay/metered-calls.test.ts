import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { meteredProxyAddress, type PermitCollector } from '#lib/pay/chain/permits.ts';
import { paymentChain } from '#lib/pay/chain/transfers.ts';
import type { Address } from '#lib/pay/spec.ts';
import type { PermitRow } from './ledger/database.ts';
import type { PermitBook } from './ledger/permits.ts';
import { createMeteredTill } from './metered-calls.ts';

const entry = paymentChain(31_337);
const address = (digit: string): Address => `0x${digit.repeat(40)}`;
const [payTo, facilitator] = [address('a'), address('b')];
const most = { tokensIn: 40, tokensOut: 60 };

/** A till whose answers cost at most a hundred units, of which each payer has so many. */
async function scene(available: bigint) {
  const clock = manualClock(1_800_000_000_000);
  const rows = new Map<string, PermitRow>();
  const set = (id: string, change: Partial<PermitRow>) => void rows.set(id, { ...rows.get(id)!, ...change });
  const book: PermitBook = {
    async begin({ id, permit, since }) {
      if (rows.has(id)) return false;
      rows.set(id, { id, permit, since, job: null, state: 'open', units: 0n, hash: null, at: 0n });
      return true;
    },
    find: async (id) => rows.get(id),
    standing: async (prefix) =>
      [...rows.values()].filter(({ id, state }) => id.startsWith(prefix) && (state === 'open' || state === 'due')),
    forget: async (id) => void rows.delete(id),
    collected: async (id) => set(id, { state: 'paid' }),
    lost: async (id) => set(id, { state: 'lost' }),
    due: async () => [],
  };
  const collector: PermitCollector = {
    facilitator,
    isAvailable: async () => true,
    check: async () => ({ since: 1n, available }),
    collect: async (_, units) => ({ hash: '0x1', units }),
  };
  const till = createMeteredTill({
    entry,
    payTo,
    collector,
    book,
    costOnChain: ({ tokensIn, tokensOut }) => BigInt(tokensIn + tokensOut) * 100n,
    unitsPerTokenUnit: 100n,
    clock,
    logger: silentLogger,
    signal: new AbortController().signal,
  });
  await till.collectDue();
  const open = (nonce: string, from = address('c'), change: object = {}) => {
    const permit2Authorization = {
      from,
      permitted: { token: entry.token.address, amount: '100' },
      spender: meteredProxyAddress,
      nonce,
      deadline: '1900000000',
      witness: { to: payTo, facilitator, validAfter: '0' },
      ...change,
    };
    const accepted = { scheme: 'upto', network: 'eip155:31337' };
    const payload = { signature: `0x${'1'.repeat(130)}`, permit2Authorization };
    const header = btoa(JSON.stringify({ x402Version: 2, accepted, payload }));
    return till.open(new Headers({ 'payment-signature': header }), most);
  };
  return { open, rows, set };
}

const outcome = ({ status, ...rest }: PromiseSettledResult<{ readonly type: string }>) =>
  'value' in rest ? rest.value.type : ((rest as { reason: { code?: string } }).reason.code ?? status);

test('what a payer has pays for as many answers as it covers, however many are begun at once', async () => {
  const { open, rows } = await scene(250n);
  const begun = [];
  for (const nonce of ['1', '2', '3']) begun.push(...(await Promise.allSettled([open(nonce)])));
  expect(begun.map(outcome)).toEqual(['open', 'open', 'insufficient-funds']);
  expect(rows.size).toBe(2);
  expect((await open('1', address('d'))).type).toBe('open');
});

test('of answers that are asked for in one moment none is begun on money that another has', async () => {
  const { open, rows } = await scene(250n);
  const begun = await Promise.allSettled(['1', '2', '3', '4'].map((nonce) => open(nonce)));
  expect(begun.map(outcome).filter((one) => one === 'open').length).toBeLessThanOrEqual(2);
  expect(rows.size).toBeLessThanOrEqual(2);
});

test('what an answer came to is taken into account, and no longer once it is collected', async () => {
  const { open, rows, set } = await scene(150n);
  await open('1');
  await expect(open('2')).rejects.toMatchObject({ code: 'insufficient-funds' });
  const [id] = rows.keys();
  set(id!, { state: 'due', units: 5_000n });
  expect((await open('2')).type).toBe('open');
  await expect(open('3')).rejects.toMatchObject({ code: 'insufficient-funds' });
  set(id!, { state: 'paid' });
  await expect(open('3')).rejects.toMatchObject({ code: 'insufficient-funds' });
});

test('the same nonce at once, in whatever spelling, pays one answer', async () => {
  const { open } = await scene(1_000n);
  const begun = await Promise.all(['7', '007', '7'].map((nonce) => open(nonce)));
  expect(begun.map(({ type }) => type).toSorted()).toEqual(['open', 'refused', 'refused']);
});

test.each([
  ['no amount', { permitted: { token: entry.token.address } }],
  ['a negative amount', { permitted: { token: entry.token.address, amount: '-100' } }],
  ['another amount', { permitted: { token: entry.token.address, amount: '99' } }],
  ['another token', { permitted: { token: payTo, amount: '100' } }],
  ['an amount beyond any word', { permitted: { token: entry.token.address, amount: `${2n ** 256n}` } }],
  ['a nonce beyond any word', { nonce: `${2n ** 256n}` }],
  ['no witness', { witness: undefined }],
  ['another payee', { witness: { to: facilitator, facilitator, validAfter: '0' } }],
  ['another spender', { spender: payTo }],
  ['a time to come', { witness: { to: payTo, facilitator, validAfter: '1899999999' } }],
  ['no time left', { deadline: '1800000001' }],
])('a permit with %s is refused, and nothing is written down', async (_, change) => {
  const { open, rows } = await scene(1_000n);
  expect((await open('1', address('c'), change)).type).toBe('refused');
  expect(rows.size).toBe(0);
});
