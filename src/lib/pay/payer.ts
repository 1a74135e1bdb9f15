import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import { checkAmount } from './amount.ts';
import { ageMs, viewMsDefault, type ChainTime } from './chain-time.ts';
import { openChannelBook } from './channel-book.ts';
import { reduce, voucherRefusal, type ChannelEvent, type ChannelState } from './channel.ts';
import { payError } from './errors.ts';
import type {
  Chain,
  ChainEvent,
  ChannelId,
  ChannelRecord,
  ChannelTerms,
  OnChainState,
  Voucher,
  VoucherStore,
} from './spec.ts';
import { isJob } from './terms.ts';
import { createVoucherSigner } from './voucher.ts';
import type { SessionKey } from './wallet/session-key.ts';

/** The payer's side: promises chunk by chunk, without asking the wallet each time. */
export interface Payer {
  /** Records a channel. Call it before signing the deposit, so that no crash can lose track of the money. */
  begin(terms: ChannelTerms): Promise<ChannelId>;
  /** Applies a fresh reading of the channel's on-chain state. */
  observe(id: ChannelId, seen: OnChainState): Promise<ChannelState>;
  /** Reads the channel from the chain. @throws `chain-unavailable`, `wrong-channel`. */
  refresh(id: ChannelId, options?: AbortOptions): Promise<ChannelState>;
  /** The channel's state, read from the chain first if what is known is out of date, or that it is not open yet. */
  view(id: ChannelId, options?: AbortOptions): Promise<ChannelState>;
  /** From now on what is known of a channel is out of date: it is read again before it is viewed. */
  doubt(id: ChannelId): void;
  /** Applies a mined transaction's events to known channels. */
  applyEvents(events: readonly ChainEvent[]): Promise<void>;
  /**
   * Promises `total` units in all since the channel was opened. Resolves only once the voucher has been stored, in one write with
   * what its key has spent. Idempotent: repeated after any failure, it never promises more than `total`.
   * @throws `amount-zero`, `amount-too-large`, `voucher-regress`, `overdrawn`, `channel-missing`, `channel-closed`, `withdrawal-pending`, `deadline-passed`,
   * `session-expired`, `session-limit`, `wrong-channel`, `stale-view` before the chain has been read once, those of the store.
   */
  promise(id: ChannelId, total: bigint): Promise<Voucher>;
  /** Units the session key has promised in all. */
  spent(): Promise<bigint>;
  /** The newest voucher, for resending if it may have been lost. */
  newest(id: ChannelId): Promise<Voucher | null>;
  state(id: ChannelId): Promise<ChannelState>;
  /** The key that signs, without its secret. */
  readonly key: Pick<SessionKey, 'address' | 'limit' | 'expiresAt'>;
  list(): readonly ChannelRecord[];
  /** Keys of stored channels that cannot be parsed; the others work normally. */
  readonly unreadable: readonly string[];
}

export interface PayerComponents {
  readonly store: VoucherStore;
  readonly clock: Clock;
  readonly chain: Chain;
  readonly time: ChainTime;
  readonly key: SessionKey;
}

/** For the chain's time, where an earlier reading tells it as well. */
const patienceMs = 1_000;

export async function createPayer({ store, clock, chain, time, key }: PayerComponents): Promise<Payer> {
  const book = await openChannelBook({
    store,
    clock,
    side: 'payer',
    chainId: chain.entry.id,
    inTime: (state, terms) => {
      const now = time.now() ?? 0;
      const isPast = (isJob(terms) && now >= terms.deadline) || now >= key.expiresAt;
      return isPast ? reduce(state, { type: 'expired' }) : state;
    },
  });
  const signer = createVoucherSigner(chain.entry);
  let reading: Promise<unknown> | undefined;
  /**
   * A chain that does not respond need not stop a payer: a promise on a channel that has ended costs it nothing. Nor may it keep the
   * payer waiting for longer than a payee waits for its money.
   */
  const now = async () => {
    if (time.now() === null) await time.current().catch(() => undefined);
    else if (!reading) {
      reading = time
        .current()
        .catch(() => undefined)
        .finally(() => (reading = undefined));
      await withTimeout(reading, clock, patienceMs).catch(() => undefined);
    }
    const seconds = time.now();
    if (seconds === null) throw payError('stale-view');
    return seconds;
  };
  const refresh = async (id: ChannelId, options: AbortOptions = {}) =>
    book.state(await book.refresh(id, () => chain.channel(id, options)));
  const isFresh = (id: ChannelId) => {
    const at = book.readAt(id);
    return at !== undefined && ageMs(clock, at) < viewMsDefault;
  };
  const { address, limit, expiresAt } = key;
  return {
    key: { address, limit, expiresAt },
    unreadable: book.unreadable,
    async begin(terms) {
      if (terms.payerSigner !== key.address) {
        throw payError('bad-terms', { details: { field: 'payerSigner', expected: key.address } });
      }
      return (await book.add(terms)).id;
    },
    observe: async (id, seen) => book.state(await book.step(id, () => ({ event: { type: 'observed', seen } }))),
    refresh,
    async view(id, options) {
      const state = book.state(await book.get(id));
      return state.phase === 'unopened' || !isFresh(id) ? refresh(id, options) : state;
    },
    doubt: (id) => book.doubt(id),
    applyEvents: (events) => book.applyEvents(events),
    async promise(id, total) {
      checkAmount(total);
      const { terms } = await book.get(id);
      if (terms.payerSigner !== key.address) throw payError('wrong-channel', { details: { channelId: id } });
      const at = await now();
      const stored = await book.step(id, async (state) => {
        if (total === state.promised) return null;
        const event: ChannelEvent = { type: 'voucher-made', cumulativeAmount: total };
        if (voucherRefusal(state, event)) return { event };
        const spent = { key: key.address, units: total - state.promised, now: at };
        return { event, voucher: await signer.sign(key.privateKey, id, total), spent };
      });
      return stored.voucher!;
    },
    spent: () => store.spent(key.address),
    newest: async (id) => (await book.get(id)).voucher,
    state: async (id) => book.state(await book.get(id)),
    list: () => book.list(),
  };
}
