import { throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { ageMs, viewMsDefault, type ChainTime, type Moment } from './chain-time.ts';
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

/** The provider's side: accepts vouchers and tracks their value. */
export interface Payee {
  /**
   * Admits a channel named by a payer, after reading it from the chain.
   * @throws `bad-terms` if it pays another provider or leaves too little time, `token-unsupported`,
   * `deposit-too-small`, `channel-missing`, `channel-closed`, `withdrawal-pending`, `contract-signer`, `too-many-channels`,
   * `chain-unavailable`.
   */
  admit(terms: ChannelTerms, options?: AbortOptions): Promise<ChannelId>;
  /**
   * Accepts a voucher as received. Once this resolves it is stored and may be served for. If the channel's view is out of date it
   * is read first; a chain that does not respond makes it fail with `stale-view`, with the voucher stored, so that it can still be
   * claimed.
   * @returns the units it adds; 0 for a voucher already known.
   * @throws `bad-voucher`, `wrong-channel`, `bad-signature`, `voucher-regress`, `overdrawn`, `channel-missing`,
   * `channel-closed`, `closing`, `deadline-passed`, `stale-view`, `chain-unavailable`, and those of the store.
   */
  receive(
    voucher: unknown,
    options?: AbortOptions,
  ): Promise<{ readonly channelId: ChannelId; readonly added: bigint; readonly total: bigint }>;
  /** Rereads the channel from the chain. */
  refresh(id: ChannelId, options?: AbortOptions): Promise<ChannelState>;
  /** Applies a mined transaction's events to known channels. */
  applyEvents(events: readonly ChainEvent[]): Promise<void>;
  /**
   * Says that every channel's state was as known here at this moment: the chain has been followed up to it, and what it touched
   * has been read.
   */
  confirmViews(at: Moment): void;
  /**
   * Costs the same however many channels there are, so it can be asked before each chunk.
   * @throws the reason why this channel's payer must not be served further now, see `policy.ts`; `stale-view` if the chain has not
   * confirmed the channel within the time to live of a view; `wrong-channel`.
   */
  checkMayServe(id: ChannelId, exposure: Exposure): void;
  /**
   * Marks a job as done: its single claim may be sent and no more vouchers are accepted.
   * @throws `job-only`, `channel-missing`, `channel-closed`, `wrong-channel`.
   */
  finish(id: ChannelId): Promise<void>;
  /**
   * Agrees to close the channel with everything promised so far as the final amount. The agreement is stored before it
   * is signed, and from then on no more is accepted or served, because the signature never expires. Idempotent: later
   * calls agree to the same amount.
   * @throws `not-allowed` unless the wallet is the provider signer, `final-amount-out-of-range`, `channel-missing`,
   * `channel-closed`, `wrong-channel`, `chain-unavailable`, and those of the wallet and the store.
   */
  agree(id: ChannelId, wallet: Wallet, options?: AbortOptions): Promise<Closure>;
  state(id: ChannelId): Promise<ChannelState>;
  /** Units that the channels of this channel's payer leave exposed. Costs as little as `checkMayServe`. */
  owed(id: ChannelId): bigint;
  /** The channels as input to the claim policy. */
  views(): readonly ChannelView[];
  /** The newest vouchers of these channels, ready to claim; channels without one are omitted. */
  claims(ids: readonly ChannelId[]): Promise<readonly Claim[]>;
  /** Who is paid. */
  readonly provider: Address;
  /** Keys of stored channels that cannot be parsed; the others work normally. */
  readonly unreadable: readonly string[];
}

export interface PayeeComponents {
  readonly store: VoucherStore;
  readonly clock: Clock;
  readonly chain: Chain;
  readonly time: ChainTime;
  readonly provider: Address;
  readonly providerSigner: Address;
  /** Minimum deposit in units for admission, which makes it costly to fill up the book. */
  readonly depositMin: bigint;
  /** Milliseconds after which what was read about a channel is out of date; the default is in `chain-time.ts`. */
  readonly viewMs?: number;
  /** Maximum number of channels; the default is in `channel-book.ts`. */
  readonly channelsMax?: number;
}

export async function createPayee(components: PayeeComponents): Promise<Payee> {
  const { store, clock, chain, time, provider, providerSigner, depositMin, channelsMax } = components;
  const { viewMs = viewMsDefault } = components;
  const chainId = chain.entry.id;
  const book = await openChannelBook({
    store,
    clock,
    side: 'payee',
    chainId,
    inTime: (state, terms) =>
      isJob(terms) && (time.now() ?? 0) > terms.deadline ? reduce(state, { type: 'expired' }) : state,
    ...(channelsMax === undefined ? {} : { channelsMax }),
  });
  const signer = createVoucherSigner(chain.entry);
  let followedAt: Moment | null = null;
  const isFresh = (id: ChannelId) =>
    [book.readAt(id), followedAt].some((at) => at !== undefined && at !== null && ageMs(clock, at) < viewMs);
  const refresh = async (id: ChannelId, options: AbortOptions = {}) => {
    await time.current(options);
    return book.state(await book.refresh(id, () => chain.channel(id, options)));
  };
  const checkTerms = (terms: ChannelTerms, now: number) => {
    for (const [field, expected] of Object.entries({ provider, providerSigner })) {
      const actual = terms[field as 'provider' | 'providerSigner'];
      if (actual !== expected) throw payError('bad-terms', { details: { field, expected, given: actual } });
    }
    if (terms.token !== chain.entry.token.address) throw payError('token-unsupported');
    if (isInMargin(terms, now)) {
      throw payError('bad-terms', { details: { field: 'deadline', minimum: now + jobMarginSeconds + 1 } });
    }
  };
  const refusalOf = ({ phase, balance }: ChannelState) => {
    if (phase !== 'open') return phaseCodes[phase];
    return balance < depositMin ? 'deposit-too-small' : null;
  };
  const checkState = (channelId: ChannelId, state: ChannelState) => {
    const code = refusalOf(state);
    if (code === 'deposit-too-small') throw payError(code, { details: { minimum: depositMin, given: state.balance } });
    if (code) throw payError(code, { details: { channelId } });
  };
  const viewOf = (record: ChannelRecord) => ({ id: record.id, terms: record.terms, state: book.state(record) });
  return {
    provider,
    unreadable: book.unreadable,
    async admit(given, options = {}) {
      const terms = parseTerms(given);
      checkTerms(terms, await time.current(options));
      const id = channelIdOf(terms);
      const known = book.peek(id);
      // One that was not open when it was last read may have been opened, or opened again, since.
      if (known && isFresh(id) && refusalOf(book.state(known)) === null) return id;
      // Its vouchers would be checked by its own code, which may take any amount of gas, or say something else tomorrow.
      if (await chain.hasCode(terms.payerSigner, options))
        throw payError('contract-signer', { details: { channelId: id } });
      const seen: OnChainState = await chain.channel(id, options);
      checkState(id, storedState(newRecord({ chainId, side: 'payee', id }, terms, seen)));
      await book.add(terms, seen);
      // A chain follower ignores channels that are not in the book, so read again what happened meanwhile.
      checkState(id, await refresh(id, options));
      return id;
    },
    async receive(value, options = {}) {
      const voucher = parseVoucher(value);
      const { channelId, cumulativeAmount } = voucher;
      const { terms, seen } = await book.get(channelId);
      // Verified outside the write queue, so that forged vouchers cannot delay honest ones.
      if (!(await signer.verify(terms.payerSigner, voucher))) {
        throw payError('bad-signature', { details: { expected: terms.payerSigner, message: 'Voucher' } });
      }
      // The payer may have topped up since the last reading; read the chain once to find out.
      if (cumulativeAmount > seen.balance && seen.withdrawableAt === 0) await refresh(channelId, options);
      let unseen: unknown;
      if (!isFresh(channelId)) await refresh(channelId, options).catch((error: unknown) => (unseen = error));
      throwIfAborted(options.signal);
      let added = 0n;
      await book.step(channelId, ({ promised }) => {
        added = cumulativeAmount - promised;
        return { event: { type: 'voucher-received', cumulativeAmount }, voucher };
      });
      // Worth having in any case, but on a view this old the money may be gone already.
      if (unseen) throw payError('stale-view', { details: { channelId }, cause: unseen });
      return { channelId, added, total: cumulativeAmount };
    },
    refresh,
    applyEvents: (events) => book.applyEvents(events),
    confirmViews(at) {
      followedAt = at;
    },
    checkMayServe(id, exposure) {
      const record = book.peek(id);
      const now = time.now();
      if (!record) throw payError('wrong-channel', { details: { channelId: id } });
      const owed = book.owedBy(record.terms.payer);
      const code = serveRefusal(viewOf(record), { ...exposure, owed, now: now ?? 0 });
      if (code) throw payError(code, { details: { channelId: id } });
      if (now === null || !isFresh(id)) throw payError('stale-view', { details: { channelId: id } });
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
    owed(id) {
      const record = book.peek(id);
      return record ? book.owedBy(record.terms.payer) : 0n;
    },
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
