import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { claim } from '#lib/pay/actions/claim.ts';
import { claimFor } from '#lib/pay/actions/claim-for.ts';
import { open } from '#lib/pay/actions/open.ts';
import { settle } from '#lib/pay/actions/settle.ts';
import { signClaimOrder } from '#lib/pay/claim-order.ts';
import { createOrderStore } from '#lib/pay/order-store.ts';
import type { Address, Chain, SignedClaimOrder } from '#lib/pay/spec.ts';
import { channelIdOf } from '#lib/pay/terms.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import { createWatcher, type WatcherInit } from '#lib/pay/watcher.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { startLocalChain, type LocalChain, type Person } from './chain.fixture.ts';
import { announce, claimOf, openSessionChannel, signDeposit } from './open-channel.fixture.ts';

let local: LocalChain;
let chain: Chain;
let payer: Person;
let relay: Person;
beforeAll(async () => {
  local = await startLocalChain();
  chain = local.chain();
  payer = await local.person(1_000_000n);
  relay = await local.person(0n);
});
afterAll(() => local.stop());

/** Gas costs nothing in units here; what an order has to earn is tested by itself. */
const free: WatcherInit = { rate: { units: 0n, wei: 1n }, intervalMs: 20 };

const watching = (init: Partial<WatcherInit> = {}, storage = createMemoryStorage()) =>
  createWatcher(
    { chain, clock: systemClock, wallet: relay.wallet, orders: createOrderStore(storage), logger: silentLogger },
    { ...free, ...init },
  );

const sleepers = new Map<Address, Person>();

/** A provider with two open channels that goes to sleep, having signed an order over a voucher on each. */
async function sleeper(validForSeconds = 100_000) {
  const provider = await local.person(0n);
  sleepers.set(provider.address, provider);
  const channels = [
    await openSessionChannel(chain, payer, provider, 1_000n),
    await openSessionChannel(chain, payer, provider, 1_000n),
  ];
  const orderOver = async (amount: bigint, seconds = validForSeconds): Promise<SignedClaimOrder> =>
    signClaimOrder(chain, provider.wallet, {
      claims: await Promise.all(channels.map(({ terms }) => claimOf(chain, payer, terms, amount))),
      relay: relay.address,
      feePerClaim: 5n,
      validBefore: (await chain.head()).timestamp + seconds,
    });
  return { provider, channels, orderOver, order: await orderOver(500n) };
}

describe('a watcher', () => {
  test('waits until a withdrawal is announced, then claims, and is paid its fee by the contract', async () => {
    const { provider, channels, order } = await sleeper();
    const watcher = await watching();
    await watcher.accept(order);
    expect(await watcher.round()).toEqual([]);
    await announce(chain, payer, channels[0]!.terms);
    const [done] = await watcher.round();
    expect(done!.credited.map(({ claimed }) => claimed)).toEqual([500n, 500n]);
    expect(await chain.owed(provider.address)).toBe(2n * (450n - 5n));
    expect(await chain.owed(relay.address)).toBe(10n);
    expect((await settle(chain, relay.wallet, relay.address))?.amount).toBe(10n);
    expect(watcher.held()).toEqual([]);
    expect(await watcher.round()).toEqual([]);
  });

  test('claims before an order runs out, and forgets one that has', async () => {
    const [first, second] = [await sleeper(2_000), await sleeper(2_000)];
    const watcher = await watching();
    await watcher.accept(first.order);
    expect(await watcher.round()).toHaveLength(1);
    await watcher.accept(second.order);
    await local.moveTo(second.order.order.validBefore);
    expect(await watcher.round()).toEqual([]);
    expect(watcher.held()).toEqual([]);
    expect(await chain.owed(second.provider.address)).toBe(0n);
  });

  test('goes on after a restart with what it had accepted', async () => {
    const { provider, order } = await sleeper(2_000);
    const storage = createMemoryStorage();
    await (await watching({}, storage)).accept(order);
    const again = await watching({}, storage);
    expect(again.held()).toEqual([provider.address]);
    await again.start();
    while ((await chain.owed(provider.address)) === 0n) await systemClock.delay(20);
    await again.stop();
    expect(await chain.owed(provider.address)).toBe(890n);
  });

  test('keeps the newest order of a provider, whatever is sent again', async () => {
    const { provider, channels, order, orderOver } = await sleeper();
    const watcher = await watching();
    await watcher.accept(order);
    await watcher.accept(await orderOver(700n, 200_000));
    await expect(watcher.accept(order)).rejects.toMatchObject({ code: 'order-superseded' });
    await announce(chain, payer, channels[1]!.terms);
    await watcher.round();
    expect(await chain.owed(provider.address)).toBe(2n * (630n - 5n));
  });

  test('takes no order that does not pay, that is for another, or that is one too many', async () => {
    const { provider, order } = await sleeper();
    const dear = await watching({ rate: { units: 1n, wei: 1n } });
    await expect(dear.accept(order)).rejects.toMatchObject({ code: 'order-unprofitable' });
    const full = await watching({ ordersMax: 0 });
    await expect(full.accept(order)).rejects.toMatchObject({ code: 'too-many-orders' });
    const watcher = await watching();
    const foreign = await signClaimOrder(chain, provider.wallet, {
      claims: order.claims,
      relay: payer.address,
      feePerClaim: 5n,
      validBefore: order.order.validBefore,
    });
    await expect(watcher.accept(foreign)).rejects.toMatchObject({ code: 'wrong-relay' });
    expect(watcher.held()).toEqual([]);
  });
});

test('a watcher is not fooled into gas: unopened channels, forged vouchers, dust under a high fee', async () => {
  const { provider, channels, order } = await sleeper();
  const priced = await watching({ rate: { units: 1n, wei: 10n ** 13n } });
  const orderOver = async (claims: SignedClaimOrder['claims'], feePerClaim: bigint) =>
    signClaimOrder(chain, provider.wallet, {
      claims,
      relay: relay.address,
      feePerClaim,
      validBefore: order.order.validBefore,
    });
  const unopened = { ...channels[0]!.terms, salt: `0x${'99'.repeat(32)}` } as const;
  const missing = await orderOver([await claimOf(chain, payer, unopened, 5n)], 5n);
  await expect(priced.accept(missing)).rejects.toMatchObject({ code: 'nothing-to-claim' });
  const forged = await orderOver([await claimOf(chain, relay, channels[0]!.terms, 500n)], 400n);
  await expect(priced.accept(forged)).rejects.toMatchObject({ code: 'nothing-to-claim' });
  const dust = await orderOver([await claimOf(chain, payer, channels[0]!.terms, 1n)], 1_000n);
  await expect(priced.accept(dust)).rejects.toMatchObject({ code: 'order-unprofitable' });
  await priced.accept(await orderOver([await claimOf(chain, payer, channels[0]!.terms, 900n)], 700n));
});

test('an order whose claims somebody else has made is forgotten', async () => {
  const { provider, channels, order } = await sleeper();
  const watcher = await watching();
  await watcher.accept(order);
  await claimFor(chain, relay.wallet, order);
  await announce(chain, payer, channels[0]!.terms);
  expect(await watcher.round()).toEqual([]);
  expect(watcher.held()).not.toContain(provider.address);
});

test('claiming for others refuses what the order does not say, and sends nothing', async () => {
  const { provider, order } = await sleeper();
  const fails = async (code: string, signed: SignedClaimOrder, sender = relay) => {
    const sentBefore = await local.clients.reader.getTransactionCount({ address: sender.address });
    await expect(claimFor(chain, sender.wallet, signed)).rejects.toMatchObject({ code });
    expect(await local.clients.reader.getTransactionCount({ address: sender.address })).toBe(sentBefore);
    expect(await chain.owed(provider.address)).toBe(0n);
  };
  await fails('wrong-relay', order, payer);
  await fails('order-mismatch', { ...order, claims: order.claims.slice(1) });
  await fails('bad-signature', { ...order, order: { ...order.order, feePerClaim: 400n } });
  await fails('bad-signature', { ...order, signature: '0x1234' });
  const done = await claimFor(chain, relay.wallet, order);
  expect(done.fee).toBe(10n);
  await expect(claimFor(chain, relay.wallet, order)).rejects.toMatchObject({ code: 'nothing-to-claim' });
});

describe('signers that become contracts and burn all the gas they are given', () => {
  /** Loops for ever. */
  const burning = '0x5b600056';

  test('make an order refused, before it is accepted and before it is used', async () => {
    const { channels, order } = await sleeper(2_000);
    const signer = await local.person(1_000_000n);
    const provider = { address: order.order.providerSigner };
    const terms = {
      ...channels[0]!.terms,
      payer: signer.address,
      payerSigner: signer.address,
      salt: payer.key,
    } as const;
    const deposit = await signDeposit(chain, signer, channelIdOf(terms), 100n);
    await open(chain, signer.wallet, { terms, amount: 100n, deposit });
    const { wallet } = (await sleepers.get(provider.address))!;
    const attacking = await signClaimOrder(chain, wallet, {
      claims: [...order.claims, await claimOf(chain, signer, terms, 1n)],
      relay: relay.address,
      feePerClaim: 5n,
      validBefore: order.order.validBefore,
    });
    const watcher = await watching();
    await watcher.accept(attacking);
    await local.clients.clock.setCode({ address: signer.address, bytecode: burning });
    const sentBefore = await local.clients.reader.getTransactionCount({ address: relay.address });
    expect(await watcher.round()).toEqual([]);
    expect(await local.clients.reader.getTransactionCount({ address: relay.address })).toBe(sentBefore);
    await expect((await watching()).accept(attacking)).rejects.toMatchObject({ code: 'contract-signer' });
    // The contract itself asks a signer's code only where no key has signed: the provider's own claim costs what it should.
    const vouchers = createVoucherSigner(chain.entry);
    const done = await claim({ chain, vouchers }, wallet, attacking.claims);
    expect(done.credited.map(({ claimed }) => claimed)).toEqual([500n, 500n, 1n]);
    expect(done.gasUsed < 200_000n).toBe(true);
  });
});
