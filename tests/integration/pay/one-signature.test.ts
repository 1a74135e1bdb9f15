import type { EIP1193Provider } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { systemRandom } from '#lib/base/random.ts';
import { announceWithdrawalFor, signWithdrawal } from '#lib/pay/actions/announce-withdrawal.ts';
import { open } from '#lib/pay/actions/open.ts';
import { settle } from '#lib/pay/actions/settle.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { signAuthorization } from '#lib/pay/deposit.ts';
import { createPayer } from '#lib/pay/payer.ts';
import type { Chain, InjectedWallet } from '#lib/pay/spec.ts';
import { channelIdOf, sessionTerms } from '#lib/pay/terms.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { eip1193Wallet } from '#lib/pay/wallet/eip1193.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createSessionKey } from '#lib/pay/wallet/session-key.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { startLocalChain, type LocalChain, type Person } from './chain.fixture.ts';
import { partiesOf } from './open-channel.fixture.ts';

let local: LocalChain;
let chain: Chain;
beforeAll(async () => {
  local = await startLocalChain();
  chain = local.chain();
});
afterAll(() => local.stop());

/** A person's wallet as a page meets it: it signs what it is shown and sends through the chain's own node. */
function injectedFor(person: Person, says: 'yes' | 'no' = 'yes') {
  const asked: string[] = [];
  const { reader } = local.clients;
  const provider = {
    async request({ method, params }: { readonly method: string; readonly params?: readonly unknown[] }) {
      if (method === 'eth_chainId') return '0x7a69';
      asked.push(method);
      if (says === 'no') throw Object.assign(new Error('User rejected the request.'), { code: 4001 });
      if (method === 'eth_signTypedData_v4') return person.wallet.signTypedData(JSON.parse(params![1] as string));
      const [{ to, data, gas }] = params as [
        { readonly to: `0x${string}`; readonly data: `0x${string}`; readonly gas: string },
      ];
      const nonce = await reader.getTransactionCount({ address: person.address });
      const fees = { maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n };
      const raw = await person.wallet.signTransaction({ chainId: 31_337, to, data, gas: BigInt(gas), nonce, ...fees });
      return reader.sendRawTransaction({ serializedTransaction: raw });
    },
  } as unknown as EIP1193Provider;
  return { asked, wallet: eip1193Wallet(provider, person.address) };
}

test('one signature of the wallet opens a channel; vouchers and the way out never ask again', async () => {
  const [person, provider, relay] = [await local.person(1_000n), await local.person(0n), await local.person(0n)];
  const { asked, wallet } = injectedFor(person);
  const storage = createMemoryStorage();
  const now = Math.floor(systemClock.now() / 1_000);
  const key = await createSessionKey({ storage, random: systemRandom }, { limit: 1_000n, expiresAt: now + 600, now });
  const payer = await createPayer({
    store: createVoucherStore(storage),
    clock: systemClock,
    chain,
    time: createChainTime(chain, systemClock),
    key,
  });
  const terms = sessionTerms(systemRandom, { ...partiesOf(chain, person, provider), payerSigner: key.address });
  const id = await payer.begin(terms);
  const { timestamp } = await chain.head();
  const deposit = await signAuthorization(
    { chain, wallet, random: systemRandom },
    { subject: id, to: chain.entry.contracts.channels, amount: 1_000n, validBefore: timestamp + 600 },
  );
  await open(chain, relay.wallet, { terms, amount: 1_000n, deposit });
  await payer.observe(id, await chain.channel(id));
  for (let total = 10n; total <= 1_000n; total += 10n) await payer.promise(id, total);
  const signature = await signWithdrawal(chain, localWallet(key.privateKey), terms);
  await announceWithdrawalFor(chain, relay.wallet, { terms, signature });
  expect(asked).toEqual(['eth_signTypedData_v4']);
  expect((await payer.state(id)).promised).toBe(1_000n);
});

test('a wallet that says no: a named error, and nothing has happened', async () => {
  const person = await local.person(1_000n);
  const { asked, wallet } = injectedFor(person, 'no');
  const terms = sessionTerms(systemRandom, partiesOf(chain, person, person));
  const { timestamp } = await chain.head();
  const signing = signAuthorization(
    { chain, wallet, random: systemRandom },
    { subject: channelIdOf(terms), to: chain.entry.contracts.channels, amount: 5n, validBefore: timestamp + 600 },
  );
  await expect(signing).rejects.toMatchObject({ code: 'rejected' });
  expect(asked).toHaveLength(1);
  expect(await chain.tokenBalance(person.address)).toBe(1_000n);
});

test('a wallet can send by itself, is waited for, and is given up on with the hash at hand', async () => {
  const person = await local.person(1_000n);
  const { wallet } = injectedFor(person);
  const openBy = async (sender: InjectedWallet, by: Chain) => {
    const terms = sessionTerms(systemRandom, partiesOf(chain, person, person));
    const subject = channelIdOf(terms);
    const validBefore = (await chain.head()).timestamp + 600;
    const to = chain.entry.contracts.channels;
    const deposit = await signAuthorization(
      { chain, wallet: sender, random: systemRandom },
      { subject, to, amount: 5n, validBefore },
    );
    return open(by, sender, { terms, amount: 5n, deposit });
  };
  const { channelId } = await openBy(wallet, chain);
  expect((await chain.channel(channelId)).balance).toBe(5n);
  expect(await settle(chain, wallet, person.address)).toBeNull();
  await local.clients.clock.setAutomine(false);
  await expect(openBy(wallet, local.chain({ transactionMs: 100 }))).rejects.toMatchObject({
    code: 'transaction-stuck',
    details: { hash: expect.stringMatching(/^0x[0-9a-f]{64}$/) },
  });
});
