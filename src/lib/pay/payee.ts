import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { openChannelBook } from './channel-book.ts';
import { closingAmount, reduce, type ChannelState } from './channel.ts';
import { signClose, type Closure } from './closure.ts';
import { payError } from './errors.ts';
import { isInMargin, jobMarginSeconds, serveRefusal, type ChannelView, type Exposure } from './policy.ts';
import { newRecord, storedState } from './record.ts';
import type {
  Address,
  Chain,
  ChainEvent,
  ChannelId,
  ChannelRecord,
  ChannelTerms,
  Claim,
  OnChainState,
  VoucherStore,
  Wallet,
} from './spec.ts';
import { channelIdOf, isJob, parseTerms } from './terms.ts';
import { createVoucherSigner, parseVoucher } from './voucher.ts';

/** The serving side: takes promises, and knows what they are worth. */
export interface Payee {
  /**
   * Takes note of a channel that a payer names, after looking at the chain.
   * @throws `bad-terms` when it pays somebody else or leaves too little time, `token-unsupported`, `deposit-too-small`,
   * `channel-missing`, `channel-closed`, `withdrawal-pending`, `too-many-channels`.
   */
  admit(terms: ChannelTerms, options?: AbortOptions): Promise<ChannelId>;
  /**
   * Takes a voucher as it came off the wire. Once this resolves it is stored, and may be served for.
   * @returns how many units it added; 0 for one that is known already.
   * @throws `bad-voucher`, `wrong-channel`, `bad-signature`, `voucher-regress`, `overdrawn`, `channel-missing`,
   * `channel-closed`, `closing`, `deadline-passed`, `chain-unavailable`, and those of the store.
   */
  receive(
    voucher: unknown,
    options?: AbortOptions,
  ): Promise<{ readonly channelId: ChannelId; readonly added: bigint; readonly total: bigint }>;
  /** Reads the channel from the chain. */
  refresh(id: ChannelId, options?: AbortOptions): Promise<ChannelState>;
  /** Takes note of what a mined transaction says of known channels. */
  hear(events: readonly ChainEvent[]): Promise<void>;
  /** @throws the code for why this channel's payer is not to be served any further now; see `policy.ts`. */
  checkMayServe(id: ChannelId, exposure: Exposure): Promise<void>;
  /**
   * The job is done and its last voucher is in: its one claim may go out, and nothing more is taken.
   * @throws `job-only`, `channel-missing`, `channel-closed`, `wrong-channel`.
   */
  finish(id: ChannelId): Promise<void>;
  /**
   * Agrees to end the channel with all that was promised so far. The agreement is stored before it is signed, and from
   * then on nothing more is taken or served for: the signature never runs out. Asked again, it agrees to the same.
   * @throws `not-allowed` for another wallet than the provider's signer, `final-amount-out-of-range`,
   * `channel-missing`, `channel-closed`, `wrong-channel`, `chain-unavailable`, those of the wallet and of the store.
   */
  agree(id: ChannelId, wallet: Wallet, options?: AbortOptions): Promise<Closure>;
  state(id: ChannelId): Promise<ChannelState>;
  /** What the claim policy looks at. */
  views(): readonly ChannelView[];
  /** The newest vouchers of these channels, ready to claim; channels without one are left out. */
  claims(ids: readonly ChannelId[]): Promise<readonly Claim[]>;
  /** Keys of stored channels that cannot be read; the others are served all the same. */
  readonly unreadable: readonly string[];
}

export interface PayeeComponents {
  readonly store: VoucherStore;
  readonly clock: Clock;
  readonly chain: Chain;
  readonly provider: Address;
  readonly providerSigner: Address;
  /** Channels with a smaller deposit are not admitted, so that filling the book costs whoever tries, in units. */
  readonly depositMin: bigint;
  /** How many channels are kept; a default stands in `book.ts`. */
  readonly channelsMax?: number;
}

export async function createPayee(components: PayeeComponents): Promise<Payee> {
  const { store, clock, chain, provider, providerSigner, depositMin, channelsMax } = components;
  const now = () => Math.floor(clock.now() / 1_000);
  const chainId = chain.entry.id;
  const book = await openChannelBook({
    store,
    side: 'payee',
    chainId,
    inTime: (state, terms) => (isJob(terms) && now() > terms.deadline ? reduce(state, { type: 'expired' }) : state),
    ...(channelsMax === undefined ? {} : { channelsMax }),
  });
  const signer = createVoucherSigner(chain.entry);
  const refresh = async (id: ChannelId, options: AbortOptions = {}) =>
    book.state(await book.refresh(id, () => chain.channel(id, options)));
  const checkTerms = (terms: ChannelTerms) => {
    for (const [field, expected] of Object.entries({ provider, providerSigner })) {
      const actual = terms[field as 'provider' | 'providerSigner'];
      if (actual !== expected) throw payError('bad-terms', { details: { field, expected, given: actual } });
    }
    if (terms.token !== chain.entry.token.address) throw payError('token-unsupported');
    if (isInMargin(terms, now())) {
      throw payError('bad-terms', { details: { field: 'deadline', minimum: now() + jobMarginSeconds + 1 } });
    }
  };
  const checkState = (channelId: ChannelId, { phase, balance }: ChannelState) => {
    const code = phase === 'open' ? null : phaseCodes[phase];
    if (code) throw payError(code, { details: { channelId } });
    if (balance < depositMin) throw payError('deposit-too-small', { details: { minimum: depositMin, given: balance } });
  };
  const viewOf = (record: ChannelRecord) => ({ id: record.id, terms: record.terms, state: book.state(record) });
  return {
    unreadable: book.unreadable,
    async admit(given, options = {}) {
      const terms = parseTerms(given);
      checkTerms(terms);
      const id = channelIdOf(terms);
      const seen: OnChainState = await chain.channel(id, options);
      checkState(id, storedState(newRecord({ chainId, side: 'payee', id }, terms, seen)));
      await book.add(terms, seen);
      // Whoever follows the chain passes over channels that are not in the book: what happened since is read now.
      checkState(id, await refresh(id, options));
      return id;
    },
    async receive(value, options = {}) {
      const voucher = parseVoucher(value);
      const { channelId, cumulativeAmount } = voucher;
      const { terms, seen } = await book.get(channelId);
      // Outside the line of writes: a forged voucher must not hold up the honest ones.
      if (!(await signer.verify(terms.payerSigner, voucher))) {
        throw payError('bad-signature', { details: { expected: terms.payerSigner, message: 'Voucher' } });
      }
      // The payer may have topped up since: one look at the chain decides.
      if (cumulativeAmount > seen.balance && seen.withdrawableAt === 0) await refresh(channelId, options);
      let added = 0n;
      await book.step(channelId, ({ promised }) => {
        added = cumulativeAmount - promised;
        return { event: { type: 'voucher-received', cumulativeAmount }, voucher };
      });
      return { channelId, added, total: cumulativeAmount };
    },
    refresh,
    hear: (events) => book.applyEvents(events),
    async checkMayServe(id, exposure) {
      const { terms } = await book.get(id);
      const ofPayer = book.list().filter((record) => record.terms.payer === terms.payer);
      const code = serveRefusal(id, ofPayer.map(viewOf), { ...exposure, now: now() });
      if (code) throw payError(code, { details: { channelId: id } });
    },
    async finish(id) {
      await book.step(id, () => ({ event: { type: 'delivered' } }));
    },
    async agree(id, wallet, options = {}) {
      const { terms } = await book.get(id);
      if (wallet.address !== terms.providerSigner) {
        throw payError('not-allowed', { details: { expected: terms.providerSigner, given: wallet.address } });
      }
      await refresh(id, options);
      const { voucher, agreed } = await book.step(id, (state) => ({
        event: { type: 'close-agreed', finalAmount: closingAmount(state) },
      }));
      const finalAmount = agreed!;
      const covering = voucher?.cumulativeAmount === finalAmount ? voucher : null;
      return signClose(chain, wallet, { terms, finalAmount, voucher: covering }, options);
    },
    state: async (id) => book.state(await book.get(id)),
    views: () => book.list().map(viewOf),
    async claims(ids) {
      const records = await Promise.all(ids.map((id) => book.get(id)));
      return records.flatMap(({ terms, voucher }) =>
        voucher ? [{ channel: terms, cumulativeAmount: voucher.cumulativeAmount, signature: voucher.signature }] : [],
      );
    },
  };
}

const phaseCodes = {
  unopened: 'channel-missing',
  closed: 'channel-closed',
  withdrawing: 'withdrawal-pending',
} as const;
