import type { Clock } from '#lib/base/clock.ts';
import { checkAmount } from './amount.ts';
import { openBook, stateOf, type Book } from './book.ts';
import { reduce, refusal, type ChannelEvent, type ChannelState } from './channel.ts';
import { payError } from './errors.ts';
import type {
  ChannelId,
  ChannelRecord,
  ChannelTerms,
  DeployedChain,
  OnChainState,
  Voucher,
  VoucherStore,
} from './spec.ts';
import { createVoucherSigner } from './voucher.ts';
import { sessionRefusal, type SessionKey } from './wallet/session-key.ts';

/** The paying side: promises by the chunk, without asking the wallet again. */
export interface Payer {
  /** Writes a channel down. Do it before the deposit is signed: then no crash can lose sight of the money. */
  begin(terms: ChannelTerms): Promise<ChannelId>;
  /** What the chain says of a channel now. */
  observe(id: ChannelId, seen: OnChainState): Promise<ChannelState>;
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
  /** Units this session key has promised over all its channels. */
  spent(): bigint;
}

export interface PayerComponents {
  readonly store: VoucherStore;
  readonly clock: Clock;
  readonly chain: DeployedChain;
  readonly key: SessionKey;
}

export async function createPayer({ store, clock, chain, key }: PayerComponents): Promise<Payer> {
  const book: Book = await openBook(store, 'payer', chain.id);
  const signer = createVoucherSigner(chain);
  const now = () => Math.floor(clock.now() / 1_000);
  const spent = () =>
    book
      .list()
      .filter(({ terms }) => terms.payerSigner === key.address)
      .reduce((sum, { voucher }) => sum + (voucher?.cumulativeAmount ?? 0n), 0n);
  const state = (record: ChannelRecord): ChannelState => {
    const seen = stateOf(record, now());
    return now() >= key.expiresAt ? reduce(seen, { type: 'expired' }) : seen;
  };
  return {
    async begin(terms) {
      if (terms.payerSigner !== key.address) {
        throw payError('bad-terms', { details: { field: 'payerSigner', expected: key.address } });
      }
      return (await book.add(terms)).id;
    },
    observe: async (id, seen) => state(await book.change(id, (record) => sameSeen(record, seen))),
    async promise(id, amount) {
      checkAmount(amount);
      const stored = await book.change(id, async (record) => {
        const before = state(record);
        if (record.terms.payerSigner !== key.address) throw payError('wrong-channel', { details: { channelId: id } });
        const cumulativeAmount = before.promised + amount;
        const event: ChannelEvent = { type: 'voucher-made', cumulativeAmount };
        const code = refusal(before, event) ?? sessionRefusal(key, { spent: spent(), more: amount, now: now() });
        if (code) throw payError(code, { details: { channelId: id, cumulativeAmount, balance: before.balance } });
        return { ...record, voucher: await signer.sign(key.privateKey, id, cumulativeAmount) };
      });
      return stored.voucher!;
    },
    newest: async (id) => (await book.get(id)).voucher,
    state: async (id) => state(await book.get(id)),
    list: () => book.list(),
    spent,
  };
}

/** The record with a new reading of the chain; itself when nothing is new, so that nothing is written. */
export function sameSeen(record: ChannelRecord, seen: OnChainState): ChannelRecord {
  const { balance, claimed, withdrawableAt } = record.seen;
  const isSame = balance === seen.balance && claimed === seen.claimed && withdrawableAt === seen.withdrawableAt;
  return isSame ? record : { ...record, seen };
}
