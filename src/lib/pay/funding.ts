import type { AbortOptions } from '#lib/base/abort.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Random } from '#lib/base/random.ts';
import type { Tier } from '#lib/protocol/job.ts';
import { open } from './actions/open.ts';
import { topUp } from './actions/top-up.ts';
import { signAuthorization } from './deposit.ts';
import type { Rate } from './cost.ts';
import { payError } from './errors.ts';
import type { Payer } from './payer.ts';
import {
  closedSentinel,
  type Address,
  type Chain,
  type ChannelId,
  type ChannelRecord,
  type ChannelTerms,
  type Wallet,
} from './spec.ts';
import type { ChainTime } from './chain-time.ts';
import { readRegistration, requireBond } from './registry.ts';
import type { Sponsor } from './sponsor.ts';
import { unsponsored } from './sponsorship.ts';
import { isJob, sessionTerms } from './terms.ts';

/** A chain that jobs are paid on. */
export interface PurseChain {
  readonly chain: Chain;
  readonly time: ChainTime;
  readonly payer: Payer;
  /** Owns the money, and signs deposits. */
  readonly wallet: Wallet;
  /** Sends them: a wallet with gas, often the same, or a sponsor for a fee out of the deposit. */
  readonly sender: Wallet | Pick<Sponsor, 'quote' | 'send'>;
  /** What the chain's coin is worth; left out, what a wallet's transactions cost is not known. */
  readonly rate?: Rate | undefined;
}

/** What an owner lets lie in channels, in units. */
export interface DepositLimits {
  /** In the channels to one provider. */
  readonly perProviderMax: bigint;
  /** In all channels. */
  readonly depositsMax: bigint;
  /** For a sponsor that sends a deposit. */
  readonly sponsorFeeMax: bigint;
  /** A deposit is for this many jobs of the same budget, as far as the limits allow. */
  readonly jobsPerDeposit: bigint;
}

/** What a channel has to be good for. */
export interface WantedChannel {
  /** Whose offer names the provider. */
  readonly peer: string;
  /** Any but `open` is answered for with a bond. */
  readonly tier: Tier;
  readonly provider: Address;
  readonly providerSigner: Address;
  readonly delay: number;
  readonly depositMin: bigint;
  /** Units it must have room for. */
  readonly budget: bigint;
}

export interface FoundChannel {
  readonly id: ChannelId;
  readonly terms: ChannelTerms;
}

/** Chooses channels, and opens or tops them up within the owner's limits. */
export interface Funding {
  /**
   * A channel with room for the budget. `roomOf` says how much of a balance no job has reserved. One call per provider at a time.
   * @throws `provider-mismatch`, `provider-unlisted`, `deposit-limit`, `insufficient-funds`, `bad-terms`, `too-many-channels`, those of the wallet and of sending.
   */
  channelFor(
    on: PurseChain,
    wanted: WantedChannel,
    roomOf: (id: ChannelId, balance: bigint) => Promise<bigint>,
    options: AbortOptions,
  ): Promise<FoundChannel>;
}

/** A signed deposit is void after this time. */
const authorizationSeconds = 3_600;

/** Outcomes that leave open whether a deposit was or will be made. */
const uncertain: ReadonlySet<string> = new Set([
  'aborted',
  'chain-unavailable',
  'transaction-replaced',
  'transaction-stuck',
  'wallet-failed',
]);

export function createFunding(
  { chains, random }: { readonly chains: readonly PurseChain[]; readonly random: Random },
  limits: DepositLimits,
): Funding {
  /** Deposits under way, and those that may yet be made: until their signature is void, they count as made. */
  const pending = new Set<{ readonly provider: Address; readonly amount: bigint; readonly until: number }>();

  const allowed = (provider: Address, now: number) => {
    let [own, all] = [0n, 0n];
    const count = (to: Address, amount: bigint) => {
      all += amount;
      if (to === provider) own += amount;
    };
    for (const { payer, wallet } of chains) {
      // What others have set aside for jobs is theirs.
      for (const { terms, seen } of payer.list())
        if (terms.payer === wallet.address) count(terms.provider, locked(seen));
    }
    for (const each of pending) {
      if (each.until <= now) pending.delete(each);
      else count(each.provider, each.amount);
    }
    return least(limits.perProviderMax - own, limits.depositsMax - all);
  };

  /** Signs and makes a deposit of between `need` and `wish` units, whatever the limits and the wallet allow. */
  const deposit = async (
    { chain, time, payer, wallet, sender }: PurseChain,
    { terms, id }: FoundChannel,
    { kind, ...units }: { readonly need: bigint; readonly wish: bigint; readonly kind: 'open' | 'top-up' },
    options: AbortOptions,
  ) => {
    const sponsorship = 'quote' in sender ? await sender.quote(kind, options) : unsponsored;
    const { fee } = sponsorship;
    if (fee > limits.sponsorFeeMax) {
      throw payError('sponsor-too-dear', { details: { maximum: limits.sponsorFeeMax, given: fee } });
    }
    // The fee comes out of the deposit.
    const [need, wish] = [units.need + fee, units.wish + fee];
    const available = await chain.tokenBalance(wallet.address, options);
    const now = await time.current(options);
    const most = allowed(terms.provider, now);
    if (need > most) throw payError('deposit-limit', { details: { maximum: most, required: need } });
    if (need > available) throw payError('insufficient-funds', { details: { required: need, available } });
    const amount = least(wish, least(most, available));
    const validBefore = now + authorizationSeconds;
    const entry = { provider: terms.provider, amount, until: validBefore };
    pending.add(entry);
    // Whoever holds a signed deposit can make it, whatever it says became of it.
    let isHandedOut = false;
    try {
      const to = chain.entry.contracts.channels;
      const signed = await signAuthorization(
        { chain, wallet, random },
        { subject: id, to, amount, validBefore, sponsorship },
        options,
      );
      const opening = { terms, amount, deposit: signed };
      isHandedOut = 'quote' in sender;
      const { events } =
        'quote' in sender
          ? await sender.send(kind, opening, options)
          : await (kind === 'open' ? open : topUp)(chain, sender, opening, options);
      await payer.applyEvents(events);
    } catch (error) {
      if (!isHandedOut && !uncertain.has(errorCode(error))) pending.delete(entry);
      // Opened by an attempt that was given up as lost: what is there is used, and nothing is paid in twice.
      if (errorCode(error) !== 'channel-exists') throw error;
    }
    await payer.refresh(id, options);
    pending.delete(entry);
  };

  return {
    async channelFor(on, wanted, roomOf, options) {
      const { chain, payer, wallet } = on;
      const { budget, depositMin } = wanted;
      // Before a tier is believed, also of a provider that has a channel: a bond may have been withdrawn since.
      if (wanted.tier !== 'open') await requireBond(chain, wanted, options);
      const known = payer.list().filter((record) => isFor(record, on, wanted));
      const rooms: (FoundChannel & { readonly room: bigint })[] = [];
      let unopened: FoundChannel | undefined;
      for (const { id, terms } of known) {
        const { phase, balance, expired } = await payer.view(id, options);
        if (phase === 'unopened') unopened = { id, terms };
        else if (phase === 'open' && !expired) rooms.push({ id, terms, room: await roomOf(id, balance) });
      }
      rooms.sort((a, b) => (a.room < b.room ? -1 : a.room > b.room ? 1 : 0));
      const fitting = rooms.find(({ room }) => room >= budget);
      if (fitting) return fitting;
      // Before anything is paid in; a channel that is open already costs no more than what lies in it.
      await readRegistration(chain, wanted, options);
      const wish = budget * limits.jobsPerDeposit;
      const largest = rooms.at(-1);
      if (largest) {
        const need = budget - largest.room;
        await deposit(on, largest, { need, wish: most(need, wish - largest.room), kind: 'top-up' }, options);
        return largest;
      }
      // The terms of an opening that was interrupted are used again: the contract opens a channel once, whoever else tries.
      const fresh = unopened ?? (await begin());
      await deposit(on, fresh, { need: most(depositMin, budget), wish: most(depositMin, wish), kind: 'open' }, options);
      const state = await payer.state(fresh.id);
      if (state.phase !== 'open') throw payError('channel-missing', { details: { channelId: fresh.id } });
      const short = budget - (await roomOf(fresh.id, state.balance));
      if (short > 0n) await deposit(on, fresh, { need: short, wish: short, kind: 'top-up' }, options);
      return fresh;

      async function begin(): Promise<FoundChannel> {
        const { provider, providerSigner, delay } = wanted;
        const token = chain.entry.token.address;
        const parties = { payer: wallet.address, payerSigner: payer.key.address, provider, providerSigner, token };
        const terms = sessionTerms(random, parties, delay);
        return { id: await payer.begin(terms), terms };
      }
    },
  };
}

/** Whether a channel could pay this account, or is to be opened to it. */
export const isFor = (
  { terms, seen }: ChannelRecord,
  { chain, payer, wallet }: PurseChain,
  wanted: Pick<WantedChannel, 'provider' | 'providerSigner' | 'delay'>,
): boolean =>
  terms.payer === wallet.address &&
  terms.payerSigner === payer.key.address &&
  terms.provider === wanted.provider &&
  terms.providerSigner === wanted.providerSigner &&
  terms.token === chain.entry.token.address &&
  terms.delay === wanted.delay &&
  !isJob(terms) &&
  seen.withdrawableAt !== closedSentinel;

const locked = ({ balance, claimed, withdrawableAt }: ChannelRecord['seen']): bigint =>
  withdrawableAt === closedSentinel ? 0n : balance - claimed;

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
