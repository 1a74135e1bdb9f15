import { decodeFunctionData } from 'viem';
import { abortError } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Random } from '#lib/base/random.ts';
import { channelsAbi } from '#contracts/channels.ts';
import { claimRefusal } from '#lib/pay/claims.ts';
import { payError } from '#lib/pay/errors.ts';
import { entry, testChain } from '#lib/pay/pay.fixture.ts';
import { checkTypedSignature } from '#lib/pay/signature.ts';
import { closedSentinel } from '#lib/pay/spec.ts';
import type {
  Address,
  Chain,
  ChainEvent,
  ChannelId,
  ChannelTerms,
  Claim,
  Closing,
  Hex,
  OnChainState,
} from '#lib/pay/spec.ts';
import { channelIdOf, parseTerms } from '#lib/pay/terms.ts';
import { closeData } from '#lib/pay/typed-data.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import type { BalanceSheet } from './sheet.ts';

/** The channels contract and its token as books in memory, on the clock of a test, behind a node that can be switched off. */
export interface MemoryChain extends Chain {
  /** Nothing is answered while the node is down. A transaction under way then may have been mined all the same. */
  isUp: boolean;
  fund(owner: Address, units: bigint): void;
  /** Lets the chain's time go by without the test's. */
  skip(seconds: number): void;
  sheet(payees: readonly Address[]): BalanceSheet;
}

const treasury: Address = '0x7777777777777777777777777777777777777777';
const treasuryBps = 1_000n;
const blockMs = 200;
const fresh: OnChainState = { balance: 0n, claimed: 0n, withdrawableAt: 0 };
const vouchers = createVoucherSigner(entry);
const shareOf = (units: bigint): bigint => (units * treasuryBps) / 10_000n;

/** A channel that is open, or about to be left. */
type Known = readonly [ChannelId, OnChainState, ChannelTerms];

interface Mining {
  readonly events: ChainEvent[];
  readonly sender: Address;
}

export function createMemoryChain(clock: Clock, random: Random): MemoryChain {
  const channels = new Map<ChannelId, OnChainState>();
  const tokens = new Map<Address, bigint>();
  const owed = new Map<Address, bigint>();
  const salts = new Set<Hex>();
  const blocks: (readonly ChainEvent[])[] = [[]];
  const { channels: contract } = entry.contracts;
  let skipped = 0;
  const totals = { deposits: 0n, refunded: 0n };
  const now = () => Math.floor(clock.now() / 1_000) + skipped;
  const hashOf = (number: bigint): Hex => `0x${number.toString(16).padStart(64, '0')}`;
  const of = <Key>(book: ReadonlyMap<Key, bigint>, key: Key) => book.get(key) ?? 0n;
  const add = <Key>(book: Map<Key, bigint>, key: Key, units: bigint) => void book.set(key, of(book, key) + units);
  const move = (from: Address, to: Address, units: bigint) => {
    if (of(tokens, from) < units) throw payError('insufficient-funds');
    add(tokens, from, -units);
    add(tokens, to, units);
  };
  const sum = (amounts: Iterable<bigint>) => [...amounts].reduce((total, one) => total + one, 0n);

  /** The functions that are called here, by the contract's own rules. */
  const functions: Record<string, (args: readonly unknown[], mining: Mining) => Promise<void> | void> = {
    openWithAuthorization: (args, mining) => deposit('open', args, mining),
    topUpWithAuthorization: (args, mining) => deposit('top-up', args, mining),
    async claim([claims], { events }) {
      for (const one of claims as readonly Claim[]) {
        const terms = parseTerms(one.channel);
        const channelId = channelIdOf(terms);
        const state = channels.get(channelId) ?? fresh;
        const amount = one.cumulativeAmount;
        const refusal =
          claimRefusal({ terms, state, amount, sender: terms.provider, now: now() }) ??
          ((await vouchers.verify(terms.payerSigner, { ...one, channelId })) ? null : 'bad-signature');
        if (refusal) {
          events.push({ type: 'claim-skipped', channelId, refusal });
          continue;
        }
        const treasuryPart = credit(terms.provider, state.claimed, amount);
        channels.set(channelId, { ...state, claimed: amount });
        events.push({ type: 'claimed', channelId, claimed: amount, treasuryPart });
      }
    },
    async close([channel, finalAmount, voucherSignature, providerSignature], { events }) {
      const [channelId, state, terms] = known(channel);
      const amount = finalAmount as bigint;
      await checkTypedSignature(terms.providerSigner, closeData(entry, channelId, amount), providerSignature as Hex);
      if (amount < state.claimed || amount > state.balance) throw payError('final-amount-out-of-range');
      const voucher = { channelId, cumulativeAmount: amount, signature: voucherSignature as Hex };
      if (amount > state.claimed && !(await vouchers.verify(terms.payerSigner, voucher)))
        throw payError('bad-signature');
      credit(terms.provider, state.claimed, amount);
      finish([channelId, { ...state, claimed: amount }, terms], 'cooperative', events);
    },
    settle([token, payee], { events }) {
      const [to, amount] = [payee as Address, of(owed, payee as Address)];
      owed.set(to, 0n);
      move(contract, to, amount);
      events.push({ type: 'settled', token: token as Address, payee: to, amount });
    },
    announceWithdrawalFor([channel], { events }) {
      const [channelId, state, terms] = known(channel);
      if (state.withdrawableAt !== 0) throw payError('withdrawal-pending');
      const withdrawableAt = now() + terms.delay;
      channels.set(channelId, { ...state, withdrawableAt });
      events.push({ type: 'withdrawal-announced', channelId, withdrawableAt });
    },
    withdraw([channel], { events }) {
      const [channelId, state, terms] = known(channel);
      if (state.withdrawableAt === 0) throw payError('withdrawal-not-announced');
      if (now() < state.withdrawableAt) throw payError('too-early');
      finish([channelId, state, terms], 'withdrawn', events);
    },
  };
  /** @returns the treasury's part. */
  const credit = (provider: Address, from: bigint, to: bigint): bigint => {
    const treasuryPart = shareOf(to) - shareOf(from);
    add(owed, treasury, treasuryPart);
    add(owed, provider, to - from - treasuryPart);
    return treasuryPart;
  };
  const finish = ([channelId, state, terms]: Known, closing: Closing, events: ChainEvent[]) => {
    const { balance, claimed } = state;
    const returned = balance - claimed;
    channels.set(channelId, { balance: claimed, claimed, withdrawableAt: closedSentinel });
    totals.refunded += returned;
    move(contract, terms.payer, returned);
    events.push({ type: 'closed', channelId, closing, claimed, returned });
  };
  const known = (channel: unknown): Known => {
    const terms = parseTerms(channel);
    const id = channelIdOf(terms);
    const state = channels.get(id);
    if (!state) throw payError('channel-missing');
    if (state.withdrawableAt === closedSentinel) throw payError('channel-closed');
    return [id, state, terms];
  };
  const deposit = (kind: 'open' | 'top-up', args: readonly unknown[], { events }: Mining) => {
    const [channel, amount, , authorization] = args as readonly [unknown, bigint, unknown, { readonly salt: Hex }];
    const terms = parseTerms(channel);
    const channelId = channelIdOf(terms);
    if (salts.has(authorization.salt)) throw payError('authorization-used');
    if (kind === 'open' && channels.has(channelId)) throw payError('channel-exists');
    const state = kind === 'open' ? fresh : known(channel)[1];
    if (state.withdrawableAt !== 0) throw payError('withdrawal-pending');
    move(terms.payer, contract, amount);
    salts.add(authorization.salt);
    totals.deposits += amount;
    const balance = state.balance + amount;
    channels.set(channelId, { ...state, balance });
    events.push(
      kind === 'open'
        ? { type: 'opened', channelId, terms, amount }
        : { type: 'topped-up', channelId, amount, balance },
    );
  };

  const answer = <T>(value: () => T): Promise<T> =>
    chain.isUp ? Promise.resolve(value()) : Promise.reject(payError('chain-unavailable'));
  let queue: Promise<unknown> = Promise.resolve();
  const chain: MemoryChain = Object.assign(testChain(), {
    isUp: true,
    fund: (owner: Address, units: bigint) => add(tokens, owner, units),
    skip: (seconds: number) => void (skipped += seconds),
    head: () =>
      answer(() => {
        const number = BigInt(blocks.length - 1);
        return { number, hash: hashOf(number), timestamp: now() };
      }),
    blockHash: (number: bigint) => answer(() => (number < blocks.length ? hashOf(number) : null)),
    channel: (id: ChannelId) => answer(() => channels.get(id) ?? fresh),
    owed: (payee: Address) => answer(() => of(owed, payee)),
    tokenBalance: (owner: Address) => answer(() => of(tokens, owner)),
    hasCode: () => answer(() => false),
    estimateGas: () => answer(() => 50_000n),
    gasPrice: () => answer(() => 0n),
    dataFee: () => answer(() => 0n),
    events: (from: bigint, to: bigint) => answer(() => blocks.slice(Number(from), Number(to) + 1).flat()),
    async transact(...[wallet, call, options = {}]: Parameters<Chain['transact']>) {
      if (!chain.isUp) throw payError('chain-unavailable');
      const { functionName, args } = decodeFunctionData({ abi: channelsAbi, data: call.data });
      await clock.delay(blockMs * random.float());
      if (options.signal?.aborted) throw abortError(options.signal);
      // A node that went down had passed it on, or had not.
      if (!chain.isUp && random.float() < 0.5) throw payError('chain-unavailable');
      const events: ChainEvent[] = [];
      const turn = queue.then(() => functions[functionName]!(args, { events, sender: wallet.address }));
      queue = turn.catch(() => undefined);
      await turn;
      blocks.push(events);
      if (!chain.isUp) throw payError('chain-unavailable');
      const number = BigInt(blocks.length - 1);
      return { hash: hashOf(number), blockNumber: number, gasUsed: 50_000n, events };
    },
    sheet(payees: readonly Address[]): BalanceSheet {
      const open = [...channels.values()].filter(({ withdrawableAt }) => withdrawableAt !== closedSentinel);
      return {
        deposits: totals.deposits,
        paid: sum([...channels.values()].map(({ claimed }) => claimed)),
        refunded: totals.refunded,
        held: sum(open.map(({ balance, claimed }) => balance - claimed)),
        inContract: of(tokens, contract),
        credited: sum(owed.values()),
        received: new Map(payees.map((payee) => [payee, of(tokens, payee)])),
      };
    },
  });
  return chain;
}
