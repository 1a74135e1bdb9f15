import { decodeFunctionData, zeroHash } from 'viem';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { seededRandom } from '#lib/base/random.ts';
import { channelsAbi } from '#contracts/channels.ts';
import { createChainTime } from './chain-time.ts';
import { deployedChain } from './chain/calls.ts';
import { payError } from './errors.ts';
import { createPayee, type PayeeComponents } from './payee.ts';
import { createPayer } from './payer.ts';
import { unseen } from './record.ts';
import type { Address, Chain, ChannelId, ChannelTerms, ContractCall, Hex, OnChainState } from './spec.ts';
import type { PayStorage } from './storage.ts';
import { channelIdOf, sessionTerms } from './terms.ts';
import { drawKey } from './wallet/burner.ts';
import { localWallet } from './wallet/local.ts';
import { createVoucherStore } from './voucher-store.ts';
import type { SessionKey } from './wallet/session-key.ts';

/** Unix seconds at which every test starts. */
export const startSeconds = 1_800_000_000;
export const entry = deployedChain(31_337);
export const testClock = () => manualClock(startSeconds * 1_000);

/** The `n`th test key; the same in every run. */
export const keyOf = (n: number): Hex => drawKey(seededRandom(n));
export const walletOf = (n: number) => localWallet(keyOf(n));
export const addressOfKey = (n: number): Address => walletOf(n).address;

/** Key 1 is the payer, key 2 its session key, key 3 the provider, key 4 its signer. */
export const parties = {
  payer: addressOfKey(1),
  payerSigner: addressOfKey(2),
  provider: addressOfKey(3),
  providerSigner: addressOfKey(4),
  token: entry.token.address,
};

export const testTerms = (salt = 1, changes: Partial<ChannelTerms> = {}): ChannelTerms => ({
  ...sessionTerms(seededRandom(salt), parties),
  ...changes,
});

export const sessionKey = (changes: Partial<SessionKey> = {}): SessionKey => ({
  address: addressOfKey(2),
  privateKey: keyOf(2),
  limit: 1_000_000n,
  expiresAt: startSeconds + 3_600,
  ...changes,
});

/** A payer on this storage, which holds its session key. */
export async function testPayer(
  storage: TestStorage,
  {
    clock = testClock(),
    chain = testChain(),
    ...changes
  }: Partial<SessionKey> & { readonly clock?: Clock; readonly chain?: Chain } = {},
) {
  const key = sessionKey(changes);
  const at = `session/${key.address}`;
  if (!storage.values.has(at)) storage.values.set(at, { ...key, limit: key.limit.toString(), spent: '0' });
  const time = createChainTime(chain, clock);
  const payer = await createPayer({ store: createVoucherStore(storage), clock, chain, time, key });
  return { payer, clock };
}

/** The payee of the tests: key 3, with key 4 as its signer. */
export const testPayee = (
  storage: TestStorage,
  { clock = testClock(), ...components }: Pick<PayeeComponents, 'chain'> & Partial<PayeeComponents>,
) =>
  createPayee({
    store: createVoucherStore(storage),
    clock,
    time: createChainTime(components.chain, clock),
    provider: parties.provider,
    providerSigner: parties.providerSigner,
    depositMin: 1n,
    ...components,
  });

export interface TestStorage extends PayStorage {
  readonly values: Map<string, unknown>;
  /** Number of writes so far, each a put or an update. */
  readonly writes: () => number;
}

/** Makes a write fail, before or after the values have been stored. */
export type Dying = {
  readonly atWrite: number;
  readonly when: 'before' | 'after';
  readonly for: 'once' | 'ever';
  readonly code?: string;
};

export function testStorage(values = new Map<string, unknown>(), dying?: Dying): TestStorage {
  let writes = 0;
  const die = () => {
    throw new TabloomError(dying?.code ?? 'storage-unavailable', 'The storage is unavailable.');
  };
  const isDead = () => dying?.for === 'ever' && writes >= dying.atWrite;
  const check = () => {
    if (isDead()) die();
  };
  const write = (entries: readonly { readonly key: string; readonly value: unknown }[]) => {
    check();
    const isLast = ++writes === dying?.atWrite;
    if (isLast && dying.when === 'before') die();
    for (const { key, value } of entries) values.set(key, structuredClone(value));
    if (isLast) die();
  };
  return {
    values,
    writes: () => writes,
    async get(_, key) {
      check();
      return structuredClone(values.get(key));
    },
    put: async (_, key, value) => write([{ key, value }]),
    async update(reads, plan) {
      check();
      write(plan(reads.map(({ key }) => structuredClone(values.get(key)))));
    },
    async delete(_, key) {
      check();
      values.delete(key);
    },
    async list(_, { prefix, limit }) {
      check();
      return [...values]
        .filter(([key]) => key.startsWith(prefix))
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([key, value]) => ({ key, value: structuredClone(value) }));
    },
  };
}

export interface TestChain extends Chain {
  readonly states: Map<ChannelId, OnChainState>;
  /** Calls sent, in order. They have no other effect. */
  readonly sent: ContractCall[];
  now: number;
  answers: boolean;
  /** Accounts with code. */
  readonly contracts: Set<Address>;
  gasOf: (from: Address, call: ContractCall) => bigint;
}

export interface BankingChain extends TestChain {
  /** Units of every deposit made, in order. */
  readonly deposits: bigint[];
}

/** A scripted chain on which channels are opened and topped up by the calls sent to it. */
export function bankingChain(): BankingChain {
  const chain = testChain();
  const deposits: bigint[] = [];
  const { transact } = chain;
  return Object.assign(chain, {
    deposits,
    transact: async (...given: Parameters<Chain['transact']>) => {
      const mined = await transact(...given);
      const { functionName, args } = decodeFunctionData({ abi: channelsAbi, data: given[1].data });
      const isOpening = functionName.startsWith('open');
      if (!isOpening && !functionName.startsWith('topUp')) return mined;
      const [terms, amount] = args as unknown as readonly [ChannelTerms, bigint];
      const id = channelIdOf(terms);
      const before = chain.states.get(id);
      if (isOpening && before) throw payError('channel-exists');
      if (!isOpening && !before) throw payError('channel-missing');
      deposits.push(amount);
      chain.states.set(id, { ...(before ?? unseen), balance: (before?.balance ?? 0n) + amount });
      return mined;
    },
  });
}

/** A scripted chain for tests of the layers above. */
export function testChain(): TestChain {
  const states = new Map<ChannelId, OnChainState>();
  const sent: ContractCall[] = [];
  const chain: TestChain = {
    states,
    sent,
    now: startSeconds,
    answers: true,
    contracts: new Set(),
    gasOf: () => 50_000n,
    entry,
    head: async () => answer({ number: 100n, hash: `0x${'11'.repeat(32)}`, timestamp: chain.now }),
    blockHash: async () => answer<Hex>(`0x${'11'.repeat(32)}`),
    channel: async (id) => answer(states.get(id) ?? unseen),
    owed: async () => answer(0n),
    settleNonce: async () => answer(0n),
    tokenBalance: async () => answer(1_000_000n),
    coinBalance: async () => answer(10n ** 18n),
    stake: async () =>
      answer({
        bonded: 0n,
        unbonding: 0n,
        unbondedAt: 0,
        isListed: false,
        offerKey: zeroHash,
        metadataHash: zeroHash,
        pricesHash: zeroHash,
      }),
    hasCode: async (account) => answer(chain.contracts.has(account)),
    estimateGas: async (from, call) => answer(chain.gasOf(from, call)),
    gasPrice: async () => answer(10n ** 9n),
    dataFee: async () => answer(0n),
    events: async () => answer([]),
    simulate: async () => answer('0x'),
    async transact(_, call) {
      sent.push(call);
      return answer({ hash: `0x${'22'.repeat(32)}`, blockNumber: 101n, gasUsed: 50_000n, events: [] });
    },
  };
  const answer = <T>(value: T): T => {
    if (!chain.answers) throw payError('chain-unavailable');
    return value;
  };
  return chain;
}
