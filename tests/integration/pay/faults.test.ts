import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { claim } from '#lib/pay/actions/claim.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createCollector } from '#lib/pay/collect.ts';
import { createPayee } from '#lib/pay/payee.ts';
import { claimPolicyDefault } from '#lib/pay/policy.ts';
import type { Claim } from '#lib/pay/spec.ts';
import { channelsCall } from '#lib/pay/chain/calls.ts';
import { createVoucherSigner, voucherRecord } from '#lib/pay/voucher.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { startLocalChain, type LocalChain } from './chain.fixture.ts';
import { claimOf, openSessionChannel } from './open-channel.fixture.ts';

const chains: LocalChain[] = [];
const start = async (...init: Parameters<typeof startLocalChain>) => {
  const local = await startLocalChain(...init);
  chains.push(local);
  return local;
};
afterEach(async () => {
  await Promise.all(chains.splice(0).map((local) => local.stop()));
});

/** A chain with one open channel and one voucher of 5,000 units on it. */
async function withVoucher(local: LocalChain) {
  const chain = local.chain();
  const [payer, provider] = await Promise.all([local.person(100_000n), local.person(0n)]);
  const { terms, id } = await openSessionChannel(chain, payer, provider, 10_000n);
  const claims: readonly Claim[] = [await claimOf(chain, payer, terms, 5_000n)];
  return { chain, payer, provider, terms, id, claims, vouchers: createVoucherSigner(chain.entry) };
}

/** Waits for what a chain will say; the test's own time limit ends it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await systemClock.delay(20);
}

test('a chain that goes away and comes back, having forgotten the transaction', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tabloom-pay-'));
  const options = { statePath: join(folder, 'state.json') };
  try {
    const before = await start(options);
    const { provider, id, claims, vouchers } = await withVoucher(before);
    await before.clients.clock.setAutomine(false);
    const patient = before.chain({ resendAfterMs: 200, unresponsiveMs: 60_000 });
    const claiming = claim({ chain: patient, vouchers }, provider.wallet, claims);
    const sent = () => before.clients.reader.getTransactionCount({ address: provider.address, blockTag: 'pending' });
    await until(async () => (await sent()) === 1);
    await chains.pop()!.stop();
    await expect(patient.head()).rejects.toMatchObject({ code: 'chain-unavailable' });
    const after = await start({ ...options, port: before.anvil.port });
    expect((await claiming).credited).toMatchObject([{ channelId: id, claimed: 5_000n }]);
    expect(await after.chain().owed(provider.address)).toBe(4_500n);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a chain that stays away is reported, and the caller can stop waiting', async () => {
  const local = await start();
  const { provider, claims, vouchers } = await withVoucher(local);
  const other = await local.person(0n);
  await local.clients.clock.setAutomine(false);
  const hasSent = async ({ address }: typeof other) =>
    (await local.clients.reader.getTransactionCount({ address, blockTag: 'pending' })) === 1;
  const impatient = claim({ chain: local.chain({ unresponsiveMs: 100 }), vouchers }, provider.wallet, claims);
  // Listened to at once: a chain may take longer to go than its caller has patience.
  const reported = expect(impatient).rejects.toMatchObject({ code: 'chain-unavailable' });
  const stopped = new AbortController();
  const stoppable = claim({ chain: local.chain(), vouchers }, other.wallet, claims, { signal: stopped.signal });
  const ended = expect(stoppable).rejects.toMatchObject({ code: 'aborted' });
  // Each by its own account: one that has not got as far as sending is refused by a chain that goes, and waits for nothing.
  await until(async () => (await hasSent(provider)) && (await hasSent(other)));
  await chains.pop()!.stop();
  await reported;
  stopped.abort();
  await ended;
});

test('a reorganisation three blocks deep undoes a claim: it is sent again, and confirmed once', async () => {
  const local = await start({ confirmations: 4 });
  const opening = startMining(local);
  const { provider, id, claims, vouchers } = await withVoucher(local);
  await opening.stop();
  const patient = local.chain({ resendAfterMs: 300 });
  const claiming = claim({ chain: patient, vouchers }, provider.wallet, claims);
  const claimed = async () => (await patient.channel(id)).claimed;
  await until(async () => (await claimed()) === 5_000n);
  await local.mine(2);
  await local.clients.clock.request({ method: 'anvil_reorg', params: [3, []] } as never);
  expect(await claimed()).toBe(0n);
  const mining = startMining(local);
  const done = await claiming;
  await mining.stop();
  expect(done.credited).toMatchObject([{ channelId: id, claimed: 5_000n }]);
  expect(await patient.owed(provider.address)).toBe(4_500n);
  expect((await patient.head()).number - done.blockNumber >= 3n).toBe(true);
});

test('a collector whose confirmed claim is undone sees it, and claims again', async () => {
  const local = await start();
  const { chain, provider, terms, id, claims, vouchers } = await withVoucher(local);
  const payee = await createPayee({
    store: createVoucherStore(createMemoryStorage()),
    clock: systemClock,
    chain,
    time: createChainTime(chain, systemClock),
    provider: provider.address,
    providerSigner: provider.address,
    depositMin: 1n,
  });
  await payee.admit(terms);
  await payee.receive(voucherRecord({ channelId: id, ...claims[0]! }));
  const collector = createCollector(
    { chain, clock: systemClock, payee, vouchers, wallet: provider.wallet, logger: silentLogger },
    { policy: claimPolicyDefault, rate: { units: 1n, wei: 10n ** 18n } },
  );
  expect(await collector.round()).toHaveLength(1);
  expect(await collector.round()).toEqual([]);
  expect(await chain.tokenBalance(provider.address)).toBe(4_500n);
  await local.mine(2);
  // The claim, its settlement and two more blocks.
  await local.clients.clock.request({ method: 'anvil_reorg', params: [4, []] } as never);
  expect(await chain.tokenBalance(provider.address)).toBe(0n);
  expect((await chain.channel(id)).claimed).toBe(0n);
  expect(await collector.round()).toHaveLength(1);
  expect(await chain.tokenBalance(provider.address)).toBe(4_500n);
  expect((await payee.state(id)).claimed).toBe(5_000n);
});

test('a stuck transaction is replaced under its nonce at a higher fee', async () => {
  const local = await start();
  const { provider, claims, vouchers } = await withVoucher(local);
  await local.clients.clock.setAutomine(false);
  const eager = local.chain({ resendAfterMs: 100 });
  const claiming = claim({ chain: eager, vouchers }, provider.wallet, claims);
  const pending = async () => {
    const { pending: all } = await local.clients.clock.getTxpoolContent();
    return Object.values(
      Object.entries(all).find(([sender]) => sender.toLowerCase() === provider.address.toLowerCase())?.[1] ?? {},
    );
  };
  await until(async () => (await pending()).length === 1);
  const [first] = await pending();
  await until(async () => (await pending())[0]?.hash !== first!.hash);
  await local.clients.clock.setAutomine(true);
  await local.mine(1);
  const done = await claiming;
  const mined = await local.clients.reader.getTransaction({ hash: done.hash });
  expect(done.hash).not.toBe(first!.hash);
  expect(mined.nonce).toBe(Number(first!.nonce));
  expect(mined.maxFeePerGas! * 100n >= BigInt(first!.maxFeePerGas!) * 110n).toBe(true);
  expect(await eager.owed(provider.address)).toBe(4_500n);
  expect(await local.clients.reader.getTransactionCount({ address: provider.address })).toBe(1);
});

test('what an earlier life of the process left stuck does not stand in the way', async () => {
  const local = await start();
  const { chain, provider, claims, vouchers, terms } = await withVoucher(local);
  await local.clients.clock.setAutomine(false);
  const orphan = await provider.wallet.signTransaction({
    chainId: 31_337,
    ...channelsCall(chain.entry, { functionName: 'settle', args: [terms.token, provider.address] }),
    gas: 100_000n,
    nonce: 0,
    maxFeePerGas: 3_000_000_000n,
    maxPriorityFeePerGas: 1_000_000_000n,
  });
  await local.clients.reader.sendRawTransaction({ serializedTransaction: orphan });
  const claiming = claim({ chain: local.chain({ resendAfterMs: 500 }), vouchers }, provider.wallet, claims);
  const mining = startMining(local);
  const done = await claiming;
  await mining.stop();
  expect(done.credited).toHaveLength(1);
});

/** Mines a block now and then, as a chain does. */
function startMining(local: LocalChain) {
  const stopping = new AbortController();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await local.mine(1);
      await systemClock.delay(50);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}
