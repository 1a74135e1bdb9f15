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

/** The paying side: promises by the chunk, without asking the wallet again. */
export interface Payer {
  /** Writes a channel down. Do it before the deposit is signed: then no crash can lose sight of the money. */
  begin(terms: ChannelTerms): Promise<ChannelId>;
  /** What the chain says of a channel now. */
  observe(id: ChannelId, seen: OnChainState): Promise<ChannelState>;
  /** Takes note of what a mined transaction says of known channels. */
  hear(events: readonly ChainEvent[]): Promise<void>;
  /**
   * Promises `amount` units more than so far. The voucher is stored when this resolves and not before it is stored.
   * @throws `amount-zero`, `overdrawn`, `channel-missing`, `channel-closed`, `withdrawal-pending`, `deadline-passed`,
   * `session-expired`, `session-limit`, `wrong-channel`, and those of the store.
   */
  promise(id: ChannelId, amount: bigint): Promise<Voucher>;
  /** The newest promise, to send again when the last sending may have been lost. */
  newest(id: ChannelId): Promise<Voucher | null>;
  state(id: ChannelId): Promise<ChannelState>;
  list(): readonly ChannelRecord[];
  /** Keys of stored channels that cannot be read; the others go on all the same. */
  readonly unreadable: readonly string[];
}

export interface PayerComponents {
  readonly store: VoucherStore;
  readonly clock: Clock;
  readonly chain: DeployedChain;
  readonly key: SessionKey;
  /** What the key has promised, over all chains. One for each key: payers of several chains share it. */
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
    hear: (events) => book.applyEvents(events),
    async promise(id, amount) {
      checkAmount(amount);
      const { terms } = await book.get(id);
      if (terms.payerSigner !== key.address) throw payError('wrong-channel', { details: { channelId: id } });
      const stored = await book.step(id, async (state) => {
        const cumulativeAmount = state.promised + amount;
        const event: ChannelEvent = { type: 'voucher-made', cumulativeAmount };
        if (voucherRefusal(state, event)) return { event };
        // Before the voucher: a crash between the two writes counts a chunk that was never promised, and not the reverse.
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
