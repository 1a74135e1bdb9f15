import { restore, toStore, type ChannelEvent, type ChannelState } from './channel.ts';
import type { ChainEvent, ChannelRecord, ChannelTerms, OnChainState, RecordKey, Voucher } from './spec.ts';
import { isJob } from './terms.ts';

/** The contract's state for a channel that was never opened. */
export const unseen: OnChainState = { balance: 0n, claimed: 0n, withdrawableAt: 0 };

export const newRecord = (key: RecordKey, terms: ChannelTerms, seen: OnChainState): ChannelRecord => ({
  ...key,
  terms,
  revision: 1,
  voucher: null,
  seen,
  isDelivered: false,
  agreed: null,
});

/** The channel's reducer state, excluding time-dependent parts. */
export const storedState = ({ terms, voucher, ...kept }: ChannelRecord): ChannelState => {
  const { seen, isDelivered, agreed } = kept;
  return restore(isJob(terms) ? 'job' : 'session', {
    seen,
    promised: voucher?.cumulativeAmount ?? 0n,
    isDelivered,
    agreed,
  });
};

/** The record for a changed state, or the same record if nothing needs writing. */
export function nextRecord(record: ChannelRecord, state: ChannelState, voucher?: Voucher): ChannelRecord {
  const { promised, ...next } = toStore(state);
  const newest = voucher?.cumulativeAmount === promised ? voucher : record.voucher;
  const { seen } = record;
  const isSame =
    newest?.cumulativeAmount === record.voucher?.cumulativeAmount &&
    seen.balance === next.seen.balance &&
    seen.claimed === next.seen.claimed &&
    seen.withdrawableAt === next.seen.withdrawableAt &&
    record.isDelivered === next.isDelivered &&
    record.agreed === next.agreed;
  return isSame ? record : { ...record, ...next, voucher: newest };
}

/** Converts a contract event to a reducer event; null if it does not affect a channel's state. */
export function toChannelEvent(event: ChainEvent): ChannelEvent | null {
  switch (event.type) {
    case 'opened':
      return { type: 'opened', amount: event.amount };
    case 'topped-up':
      return { type: 'topped-up', balance: event.balance };
    case 'claimed':
      return { type: 'claimed', claimed: event.claimed };
    case 'withdrawal-announced':
      return { type: 'withdrawal-announced', withdrawableAt: event.withdrawableAt };
    case 'closed':
      return { type: 'closed', claimed: event.claimed };
    default:
      return null;
  }
}
