import { describe, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createPayee } from '#lib/pay/payee.ts';
import { createPayer } from '#lib/pay/payer.ts';
import {
  bankingChain,
  keyOf,
  startSeconds,
  testClock,
  testStorage,
  walletOf,
  type Dying,
} from '#lib/pay/pay.fixture.ts';
import type { Payment, Purse, Receivable, Till } from '#lib/pay/ports.ts';
import { createPurse } from '#lib/pay/purse.ts';
import { createTill } from '#lib/pay/till.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { voucherRecord } from '#lib/pay/voucher.ts';
import { createLegs, type Legs } from './legs.ts';

const lower = (text: string) => text.toLowerCase() as `0x${string}`;
/** What a chunk costs on each leg, and how many there are. */
const [dear, cheap, chunks] = [30n, 20n, 6];

type Side = 'asker' | 'hub' | 'provider';
const sides: readonly Side[] = ['asker', 'hub', 'provider'];
/** Of a job that nothing happens to. */
const writesOf = { asker: 8, hub: 15, provider: 7 } as const;

/** What is stored by each of the three, and one chain: it outlives them. */
function world() {
  const chain = bankingChain();
  const clock = testClock();
  const values = Object.fromEntries(sides.map((side) => [side, new Map<string, unknown>()])) as Record<
    Side,
    Map<string, unknown>
  >;
  const purseOf = async (storage: ReturnType<typeof testStorage>, wallet: number) => {
    const privateKey = keyOf(wallet + 1);
    const { address } = walletOf(wallet + 1);
    const key = { address, privateKey, limit: 1_000_000n, expiresAt: startSeconds + 86_400 };
    const at = `session/${address}`;
    if (!storage.values.has(at)) storage.values.set(at, { ...key, limit: key.limit.toString(), spent: '0' });
    const time = createChainTime(chain, clock);
    const payer = await createPayer({ store: createVoucherStore(storage), clock, chain, time, key });
    const owner = walletOf(wallet);
    const purse = createPurse(
      { chains: [{ chain, time, payer, wallet: owner, sender: owner }], random: seededRandom(wallet) },
      { perJobMax: 1_000n, perProviderMax: 9_000n, depositsMax: 9_000n, jobsPerDeposit: 2n, sponsorFeeMax: 0n },
    );
    return { purse, payer };
  };
  const tillOf = async (storage: ReturnType<typeof testStorage>, wallet: number): Promise<Till> => {
    const { address } = walletOf(wallet);
    const time = createChainTime(chain, clock);
    const payee = await createPayee({
      store: createVoucherStore(storage),
      clock,
      chain,
      time,
      provider: address,
      providerSigner: address,
      depositMin: 1n,
    });
    const payout = {
      chain: 31_337,
      provider: lower(address),
      providerSigner: lower(address),
      delay: 86_400,
      depositMin: '1',
    };
    return createTill([{ payee, payout, perPayerMax: 1_000_000n }]);
  };
  return {
    clock,
    /** The three of them, started from what is stored. */
    async start(dying?: { readonly side: Side; readonly how: Dying }) {
      const storages = sides.map((side) => testStorage(values[side], dying?.side === side ? dying.how : undefined));
      const storageOf = (side: Side) => storages[sides.indexOf(side)]!;
      const hub = storageOf('hub');
      const [asker, buying] = [await purseOf(storageOf('asker'), 11), await purseOf(hub, 21)];
      const [selling, provider] = [await tillOf(hub, 31), await tillOf(storageOf('provider'), 41)];
      const legs = createLegs({ till: selling, purse: buying.purse, clock });
      return { asker, buying, legs, provider, writes: () => storages.map(({ writes }) => writes()) };
    },
    /** What each channel's newest voucher says, by its two ends. */
    async stored() {
      const ends = await this.start();
      const sum = async (payer: (typeof ends)['asker']['payer']) => {
        const each = await Promise.all(payer.list().map(async ({ id }) => (await payer.state(id)).promised));
        return each.reduce((total, one) => total + one, 0n);
      };
      const took = (side: Side) => {
        let total = 0n;
        for (const [key, value] of values[side]) {
          const { voucher } = value as { readonly voucher?: { readonly cumulativeAmount: string } | null };
          if (key.includes('/payee/') && voucher) total += BigInt(voucher.cumulativeAmount);
        }
        return total;
      };
      return {
        askerPromised: await sum(ends.asker.payer),
        hubReceived: took('hub'),
        hubPromised: await sum(ends.buying.payer),
        providerReceived: took('provider'),
      };
    },
  };
}

type World = ReturnType<typeof world>;

const open = async (purse: Purse, till: Till, id: string): Promise<readonly [Payment, Receivable]> => {
  const payment = await purse.open(till.payouts[0]!, { id, peer: 'p', budget: 400n, tier: 'open' });
  return [payment, await till.open(payment, { id })];
};
const pay = async (payment: Payment, receivable: Receivable, total: bigint) =>
  receivable.receive({ voucher: voucherRecord(await payment.promise(total)), total });

/** A job over both legs, a chunk after the other: delivered, then paid. Tells what was delivered when it breaks off. */
async function play({ start }: World, dying?: { readonly side: Side; readonly how: Dying }, job = 'job') {
  const told: { delivered: number; writes?: readonly number[] } = { delivered: 0 };
  let error: unknown;
  try {
    const { asker, legs, provider, writes } = await start(dying);
    const [paying, taking] = await open(asker.purse, legs.till, job);
    legs.leg(job)!.pay('below');
    const [passing, earning] = await open(legs.purse, provider, 'below');
    for (let chunk = 1n; chunk <= chunks; chunk++) {
      told.delivered += 1;
      await pay(paying, taking, chunk * dear);
      await pay(passing, earning, chunk * cheap);
    }
    told.writes = writes();
  } catch (caught) {
    error = caught;
  }
  return { ...told, error };
}

describe('a crash at any write of any of the three', () => {
  test('the job makes as many writes as the cases below expect, and comes to the same at both ends of each leg', async () => {
    const one = world();
    expect(await play(one)).toEqual({
      delivered: chunks,
      writes: sides.map((side) => writesOf[side]),
      error: undefined,
    });
    expect(await one.stored()).toEqual({
      askerPromised: 180n,
      hubReceived: 180n,
      hubPromised: 120n,
      providerReceived: 120n,
    });
  });

  const cases = sides.flatMap((side) =>
    (['before', 'after'] as const).flatMap((when) =>
      Array.from({ length: writesOf[side] }, (_, at) => ({ side, when, atWrite: at + 1 })),
    ),
  );
  test.each(cases)('of the $side, $when write $atWrite: nobody is out by more than a chunk', async (crash) => {
    const { side, ...how } = crash;
    const one = world();
    const { delivered, error } = await play(one, { side, how: { ...how, for: 'ever' } });
    const before = await one.stored();
    expect(error).toBeDefined();
    const done = BigInt(delivered);
    // The asker has paid for what it got, and a chunk more at most; the provider lacks one at most.
    expect(before.askerPromised).toBeLessThanOrEqual(done * dear);
    expect(done * cheap - before.providerReceived).toBeLessThanOrEqual(cheap);
    // The hub has never promised more than was promised to it, by what both have stored.
    expect(before.hubReceived).toBeLessThanOrEqual(before.askerPromised);
    expect((before.hubPromised * dear) / cheap).toBeLessThanOrEqual(before.hubReceived);
    // Of an asker's money it holds its margin, and a chunk.
    expect(before.hubReceived - (before.hubPromised * dear) / cheap).toBeLessThanOrEqual(dear);
    // All of them come back, and the next job is as if nothing had been.
    expect(await play(one, undefined, 'next')).toMatchObject({ delivered: chunks, error: undefined });
    const after = await one.stored();
    expect(after.providerReceived - before.providerReceived).toBeGreaterThanOrEqual(120n);
    expect(after.hubPromised).toBeLessThanOrEqual(after.hubReceived);
    expect(after.askerPromised - before.askerPromised).toBeLessThanOrEqual(180n);
  });
});

describe('what a provider is promised', () => {
  /** Both legs open, with nothing paid. */
  async function opened() {
    const one = world();
    const { asker, legs, provider } = await one.start();
    const [paying, taking] = await open(asker.purse, legs.till, 'job');
    const end = legs.leg('job')!.pay('below');
    const [passing] = await open(legs.purse, provider, 'below');
    return { ...one, legs, provider, paying, taking, passing, end };
  }
  const settled = async (promise: Promise<unknown>): Promise<'pending' | 'done' | 'failed'> => {
    let state: 'pending' | 'done' | 'failed' = 'pending';
    void promise.then(
      () => (state = 'done'),
      () => (state = 'failed'),
    );
    for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    return state;
  };

  test('waits for what the asker pays, to the unit', async () => {
    const { paying, taking, passing } = await opened();
    const first = passing.promise(20n);
    expect(await settled(first)).toBe('pending');
    await pay(paying, taking, 19n);
    expect((await first).cumulativeAmount).toBe(19n);
    expect(passing.promised()).toBe(19n);
    const rest = passing.promise(20n);
    expect(await settled(rest)).toBe('pending');
    await pay(paying, taking, 30n);
    expect((await rest).cumulativeAmount).toBe(20n);
    expect(passing.promised()).toBe(20n);
  });

  test('is nothing where the asker does not pay in time, or has gone', async () => {
    const { clock, taking, passing } = await opened();
    const late = passing.promise(20n);
    void late.catch(() => undefined);
    await clock.advance(4_000);
    await expect(late).rejects.toMatchObject({ code: 'payment-ended' });
    const gone = passing.promise(20n);
    taking.end();
    await expect(gone).rejects.toMatchObject({ code: 'payment-ended' });
    expect(passing.promised()).toBe(0n);
  });

  test('is for all providers of a job together', async () => {
    const { clock, legs, provider, paying, taking, passing } = await opened();
    await pay(paying, taking, 30n);
    await passing.promise(20n);
    passing.end();
    const [second] = await open(legs.purse, provider, 'below');
    await second.promise(10n);
    const third = second.promise(11n);
    void third.catch(() => undefined);
    await clock.advance(4_000);
    await expect(third).rejects.toMatchObject({ code: 'payment-ended' });
  });

  test('is nothing for a job that no asker pays for', async () => {
    const { legs, provider, end } = await opened();
    end();
    const refused = (over: Legs, id: string) =>
      over.purse.open(provider.payouts[0]!, { id, peer: 'p', budget: 1n, tier: 'open' });
    await expect(refused(legs, 'below')).rejects.toMatchObject({ code: 'payment-required' });
    expect(legs.leg('another')).toBeUndefined();
  });
});
