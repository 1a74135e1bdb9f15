import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseGwei } from 'viem';
import { systemClock } from '#lib/base/clock.ts';
import { systemRandom } from '#lib/base/random.ts';
import { signWithdrawal } from '#lib/pay/actions/announce-withdrawal.ts';
import { signSettleOrder } from '#lib/pay/actions/settle-for.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createEntrusting } from '#lib/pay/entrust.ts';
import { createPayee } from '#lib/pay/payee.ts';
import { createPayer } from '#lib/pay/payer.ts';
import { createPurse } from '#lib/pay/purse.ts';
import type { Chain, ChannelTerms } from '#lib/pay/spec.ts';
import { createSponsorClient, type SponsorClient } from '#lib/pay/sponsor-client.ts';
import { channelIdOf, delayMin, sessionTerms } from '#lib/pay/terms.ts';
import { voucherRecord } from '#lib/pay/voucher.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createSessionKey } from '#lib/pay/wallet/session-key.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { testUsdcAbi } from '#contracts/test-usdc.ts';
import { privateKeyToAccount } from 'viem/accounts';
import { runRelay, startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startLocalChain, type LocalChain, type Person } from '../pay/chain.fixture.ts';
import { claimOf, partiesOf, signDeposit } from '../pay/open-channel.fixture.ts';
import { eventually } from './http.ts';

/** A relay that sends for those without gas, over HTTP and on a real chain. */
let local: LocalChain;
let chain: Chain;
let relay: RelayProcess;
let sponsor: Person;
let client: SponsorClient;
const lossesMax = 2;
beforeAll(async () => {
  local = await startLocalChain();
  chain = local.chain();
  sponsor = await local.person(0n);
  relay = await startRelay({
    native: 'no-native',
    env: {
      CHAIN: local.anvil.url,
      SPONSOR_KEY: sponsor.key,
      SPONSOR_LOSSES_PER_DAY: String(lossesMax),
      EARN_COIN_PRICE: '1',
    },
  });
  client = createSponsorClient({ url: new URL('/pay/sponsor', relay.url), fetch, chain });
});
afterAll(async () => {
  await relay?.dispose();
  await local?.stop();
});

const units = 1_000_000n;
const broke = async (tokens: bigint): Promise<Person> => {
  const person = await local.person(tokens);
  await local.clients.clock.setBalance({ address: person.address, value: 0n });
  return person;
};
const newTerms = (payer: Person, provider: Person): ChannelTerms =>
  sessionTerms(systemRandom, partiesOf(chain, payer, provider));

/** An opening that pays the relay what it asks for. */
async function openingOf(payer: Person, provider: Person, fee?: bigint) {
  const terms = newTerms(payer, provider);
  const quoted = await client.quote('open');
  const sponsorship = { ...quoted, fee: fee ?? quoted.fee };
  const { contracts } = chain.entry;
  const deposit = await signDeposit(chain, payer, channelIdOf(terms), units, contracts.channels, sponsorship);
  return { terms, amount: units, deposit };
}

const post = (path: string, body: unknown) =>
  fetch(`${relay.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

test('a payer without gas opens and tops up through the relay, which earns its gas', async () => {
  expect(await (await fetch(`${relay.url}/relay.json`)).json()).toMatchObject({
    payments: { sponsor: '/pay/sponsor' },
  });
  const [payer, provider] = [await broke(5n * units), await local.person(0n)];
  const time = createChainTime(chain, systemClock);
  const storage = createMemoryStorage();
  const now = await time.current();
  const key = await createSessionKey(
    { storage, random: systemRandom },
    { limit: 9n * units, expiresAt: now + 900, now },
  );
  const paying = await createPayer({ store: createVoucherStore(storage), clock: systemClock, chain, time, key });
  const purse = createPurse(
    { chains: [{ chain, time, payer: paying, wallet: payer.wallet, sender: client }], random: systemRandom },
    { perJobMax: units, perProviderMax: 4n * units, depositsMax: 4n * units, jobsPerDeposit: 1n, sponsorFeeMax: units },
  );
  const { address } = provider;
  const payout = { chain: 31337, provider: address, providerSigner: address, delay: delayMin, depositMin: '1000' };
  const before = await chain.owed(sponsor.address);
  const first = await purse.open(payout, { id: 'a', peer: 'p', budget: units, tier: 'open' });
  const second = await purse.open(payout, { id: 'b', peer: 'p', budget: units, tier: 'open' });
  expect(second.channelId).toBe(first.channelId);
  expect((await chain.channel(first.channelId)).balance).toBe(2n * units);
  expect((await first.promise(7n)).cumulativeAmount).toBe(7n);
  const fees = (await chain.owed(sponsor.address)) - before;
  expect(await chain.tokenBalance(payer.address)).toBe(3n * units - fees);
  expect(await chain.coinBalance(payer.address)).toBe(0n);
});

test('what is due while others sleep is done by the relay, also after a restart', async () => {
  const [payer, provider] = [await broke(3n * units), await broke(0n)];
  const opening = await openingOf(payer, provider);
  await client.send('open', opening);
  const { terms } = opening;
  const id = channelIdOf(terms);
  const { balance } = await chain.channel(id);

  // The provider goes to sleep, the payer leaves; neither has gas.
  const { relay: named, feePerClaim } = await client.quoteClaims();
  expect(named).toBe(sponsor.address);
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
  const { cumulativeAmount, signature: promise } = await claimOf(chain, payer, terms, 500_000n);
  await payee.receive(voucherRecord({ channelId: id, cumulativeAmount, signature: promise }));
  const entrusting = createEntrusting({ chain, payee, signer: provider.wallet, relay: client }, { feeMax: units });
  expect(await entrusting.entrust()).toEqual([id]);
  const sponsorship = await client.quote('announce');
  const signature = await signWithdrawal(chain, payer.wallet, terms, { sponsorship });
  const { withdrawableAt } = await client.announce({ terms, sponsorship, signature });
  expect(withdrawableAt).toBe((await chain.channel(id)).withdrawableAt);
  await relay.restart();
  await eventually(async () => (await chain.channel(id)).claimed === 500_000n);
  expect(await chain.owed(provider.address)).toBe(450_000n - feePerClaim);
  await local.moveTo(withdrawableAt);
  await relay.restart();
  await eventually(async () => (await chain.channel(id)).balance === 500_000n);
  expect(await chain.tokenBalance(payer.address)).toBe(2n * units + balance - 500_000n - sponsorship.fee);
  client = createSponsorClient({ url: new URL('/pay/sponsor', relay.url), fetch, chain });

  // What it earned is paid out for a fee, once.
  const order = await signSettleOrder(chain, provider.wallet, {
    sponsorship: await client.quote('settle'),
    payeeMin: 1n,
    validBefore: (await chain.head()).timestamp + 600,
  });
  const { amount } = await client.settle(order);
  expect(amount).toBe(450_000n - feePerClaim - order.order.fee);
  expect(await chain.tokenBalance(provider.address)).toBe(amount);
  await expect(client.settle(order)).rejects.toMatchObject({ code: 'order-used' });
});

describe('refuses, and sends nothing', () => {
  const nonce = () => local.clients.reader.getTransactionCount({ address: sponsor.address });
  test('what does not pay for its gas, pays another, or is not signed by its payer', async () => {
    const [payer, provider] = [await broke(3n * units), await local.person(0n)];
    const before = await nonce();
    const cheap = await openingOf(payer, provider, 1n);
    await expect(client.send('open', cheap)).rejects.toMatchObject({ code: 'fee-too-small' });
    const terms = newTerms(payer, provider);
    const to = { sponsor: provider.address, fee: units / 2n };
    const { channels } = chain.entry.contracts;
    const foreign = await signDeposit(chain, payer, channelIdOf(terms), units, channels, to);
    await expect(client.send('open', { terms, amount: units, deposit: foreign })).rejects.toMatchObject({
      code: 'wrong-relay',
    });
    const good = await openingOf(payer, provider);
    await expect(client.send('open', { ...good, amount: units + 1n })).rejects.toMatchObject({ code: 'bad-signature' });
    const poor = await openingOf(await broke(0n), provider);
    await expect(client.send('open', poor)).rejects.toMatchObject({ code: 'insufficient-funds' });
    expect(await nonce()).toBe(before);
  });

  test('what it cannot read', async () => {
    const answers = [
      await post('/pay/sponsor', { action: 'open' }),
      await post('/pay/sponsor', { action: 'drain' }),
      await post('/pay/orders', {}),
      await post('/pay/sponsor', { action: 'open', terms: 'x'.repeat(300_000) }),
    ];
    const codes = await Promise.all(
      answers.map(async (answer) => [answer.status, ((await answer.json()) as { error: { code: string } }).error.code]),
    );
    expect(codes).toEqual([
      [422, 'bad_sponsor_request'],
      [422, 'bad_sponsor_request'],
      [422, 'order_mismatch'],
      [413, 'body_too_large'],
    ]);
  });

  test('a key without a chain', async () => {
    const result = await runRelay(['--no-native', '--port', '0'], { SPONSOR_KEY: sponsor.key });
    expect(result).toEqual({ code: 2, text: expect.stringMatching(/^bad-setting: SPONSOR_KEY needs CHAIN/) });
  });
});

/** Last: it stops the sponsor for the day. */
test('a payer that moves its money before the block costs a bounded amount, then nobody is sent for', async () => {
  const { clients } = local;
  const provider = await local.person(0n);
  const coins = () => chain.coinBalance(sponsor.address);
  const before = await coins();
  const attack = async (payer: Person) => {
    const opening = await openingOf(payer, provider);
    await clients.clock.setAutomine(false);
    const outcome = client.send('open', opening).then(
      () => 'sent',
      (error: { code: string }) => error.code,
    );
    await eventually(async () => (await clients.clock.getTxpoolStatus()).pending === 1);
    // Mined first, for it pays more.
    await clients.sender.writeContract({
      account: privateKeyToAccount(payer.key),
      address: chain.entry.token.address,
      abi: testUsdcAbi,
      functionName: 'transfer',
      args: [provider.address, await chain.tokenBalance(payer.address)],
      maxFeePerGas: parseGwei('200'),
      maxPriorityFeePerGas: parseGwei('100'),
      gas: 100_000n,
    });
    await local.mine(1);
    await clients.clock.setAutomine(true);
    return outcome;
  };
  const first = await local.person(2n * units);
  expect(await attack(first)).toBe('insufficient-funds');
  await local.give(first.address, 2n * units);
  await expect(client.send('open', await openingOf(first, provider))).rejects.toMatchObject({ code: 'relay-declined' });
  expect(await attack(await local.person(2n * units))).toBe('insufficient-funds');
  await expect(client.quote('open')).rejects.toMatchObject({ code: 'relay-stopped' });
  expect((await fetch(`${relay.url}/pay/sponsor`)).status).toBe(503);
  // Each costs at most the gas that its fee had to pay for.
  const most = BigInt(lossesMax) * 200_000n * (await chain.gasPrice());
  expect(before - (await coins()) <= most).toBe(true);
  expect(relay.text()).toMatch(/sponsor-stopped/);
});
