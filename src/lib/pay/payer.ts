import type { Clock } from '#lib/base/clock.ts';
import { checkAmount } from './amount.ts';
import { openChannelBook } from './channel-book.ts';
import { reduce, voucherRefusal, type ChannelEvent, type ChannelState } from './channel.ts';
import { payError } from './errors.ts';
import type {
  ChainEvent,
  ChannelId,
  ChannelRecord,
  ChannelTerms,
  DeployedChain,
  OnChainState,
  Voucher,
  VoucherStore,
} from './spec.ts';
import { isJob } from './terms.ts';
import { createVoucherSigner } from './voucher.ts';
import type { SessionKey, Spending } from './wallet/session-key.ts';

/** The payer's side: promises chunk by chunk, without asking the wallet each time. */
export interface Payer {
  /** Records a channel. Call it before signing the deposit, so that no crash can lose track of the money. */
  begin(terms: ChannelTerms): Promise<ChannelId>;
  /** Applies a fresh reading of the channel's on-chain state. */
  observe(id: ChannelId, seen: OnChainState): Promise<ChannelState>;
  /** Applies a mined transaction's events to known channels. */
  applyEvents(events: readonly ChainEvent[]): Promise<void>;
  /**
   * Promises `amount` more units. Resolves only once the voucher has been stored.
   * @throws `amount-zero`, `overdrawn`, `channel-missing`, `channel-closed`, `withdrawal-pending`, `deadline-passed`,
   * `session-expired`, `session-limit`, `wrong-channel`, and those of the store.
   */
  promise(id: ChannelId, amount: bigint): Promise<Voucher>;
  /** The newest voucher, for resending if it may have been lost. */
  newest(id: ChannelId): Promise<Voucher | null>;
  state(id: ChannelId): Promise<ChannelState>;
  list(): readonly ChannelRecord[];
  /** Keys of stored channels that cannot be parsed; the others work normally. */
  readonly unreadable: readonly string[];
}

export interface PayerComponents {
  readonly store: VoucherStore;
  readonly clock: Clock;
  readonly chain: DeployedChain;
  readonly key: SessionKey;
  /** The key's spending across all chains. One instance per key, shared by the payers of all chains. */
  readonly spending: Spending;
}

export async function createPayer({ store, clock, chain, key, spending }: PayerComponents): Promise<Payer> {
  const now = () => Math.floor(clock.now() / 1_000);
  const book = await openChannelBook({
    store,
    side: 'payer',
    chainId: chain.id,
    inTime: (state, terms) => {
      const isPast = (isJob(terms) && now() >= terms.deadline) || now() >= key.expiresAt;
      return isPast ? reduce(state, { type: 'expired' }) : state;
    },
  });
  const signer = createVoucherSigner(chain);
  return {
    unreadable: book.unreadable,
    async begin(terms) {
      if (terms.payerSigner !== key.address) {
        throw payError('bad-terms', { details: { field: 'payerSigner', expected: key.address } });
      }
      return (await book.add(terms)).id;
    },
    observe: async (id, seen) => book.state(await book.step(id, () => ({ event: { type: 'observed', seen } }))),
    applyEvents: (events) => book.applyEvents(events),
    async promise(id, amount) {
      checkAmount(amount);
      const { terms } = await book.get(id);
      if (terms.payerSigner !== key.address) throw payError('wrong-channel', { details: { channelId: id } });
      const stored = await book.step(id, async (state) => {
        const cumulativeAmount = state.promised + amount;
        const event: ChannelEvent = { type: 'voucher-made', cumulativeAmount };
        if (voucherRefusal(state, event)) return { event };
        // Count before promising: a crash in between may count a chunk never promised, but never the reverse.
        await spending.take(amount, now());
        return { event, voucher: await signer.sign(key.privateKey, id, cumulativeAmount) };
      });
      return stored.voucher!;
    },
    newest: async (id) => (await book.get(id)).voucher,
    state: async (id) => book.state(await book.get(id)),
    list: () => book.list(),
  };
}
