import { createMutex } from '#lib/base/mutex.ts';
import { voucherRefusal, reduce, type ChannelEvent, type ChannelState } from './channel.ts';
import { payError } from './errors.ts';
import { newRecord, nextRecord, storedState, toChannelEvent, unseen } from './record.ts';
import {
  closedSentinel,
  type ChainEvent,
  type ChannelId,
  type ChannelRecord,
  type ChannelTerms,
  type OnChainState,
  type Side,
  type Voucher,
  type VoucherStore,
} from './spec.ts';
import { channelIdOf, parseTerms } from './terms.ts';

/** The channels of one side on one chain, in memory and in the store. Shared by payer and payee. */
export interface ChannelBook {
  /** All known channels, unordered. */
  list(): readonly ChannelRecord[];
  /** Keys of stored records that cannot be parsed. */
  readonly unreadable: readonly string[];
  /** @throws `wrong-channel` for an unknown channel. */
  get(id: ChannelId): Promise<ChannelRecord>;
  state(record: ChannelRecord): ChannelState;
  /**
   * Records a channel before any of its money moves; a known channel is left unchanged. A full book evicts channels
   * that have ended. @throws `too-many-channels`.
   */
  add(terms: ChannelTerms, seen?: OnChainState): Promise<ChannelRecord>;
  /**
   * Performs one state transition: runs the event from `plan` through the reducer, stores the result, then publishes
   * it. After any failure the channel is reloaded from the store. @throws the code with which the reducer refuses the
   * event.
   */
  step(id: ChannelId, plan: (state: ChannelState) => Promise<BookStep> | BookStep): Promise<ChannelRecord>;
  /** Reads the chain. Responses may arrive out of order; the most recent request wins. */
  refresh(id: ChannelId, reading: () => Promise<OnChainState>): Promise<ChannelRecord>;
  /** Applies a transaction's events; those of unknown channels are ignored. */
  applyEvents(events: readonly ChainEvent[]): Promise<void>;
}

export interface BookStep {
  readonly event: ChannelEvent;
  /** The voucher, if the event is a promise. */
  readonly voucher?: Voucher;
}

/** Channels one side keeps, including ended ones. */
export const channelsMax = 4_096;

export interface ChannelBookInit {
  readonly store: VoucherStore;
  readonly side: Side;
  readonly chainId: number;
  /** Applies time-dependent state on top of a channel's record. */
  readonly inTime: (state: ChannelState, terms: ChannelTerms) => ChannelState;
  readonly channelsMax?: number;
}

/** Loads the store's records and continues from there, after a crash as after a normal start. */
export async function openChannelBook({
  store,
  side,
  chainId,
  inTime,
  ...init
}: ChannelBookInit): Promise<ChannelBook> {
  const maximum = init.channelsMax ?? channelsMax;
  const records = new Map<ChannelId, ChannelRecord>();
  /** Channels with a failed write that may or may not have happened; they must be reloaded before use. */
  const unsure = new Set<ChannelId>();
  /** Sequence number of the newest reading applied to each channel, in request order. */
  const readings = new Map<ChannelId, number>();
  let asked = 0;
  const listed = await store.list({ chainId, side }, maximum);
  for (const record of listed.records) records.set(record.id, record);
  const writes = createMutex();
  const load = async (id: ChannelId) => {
    const record = await store.load({ chainId, side, id });
    // This load may have started before a write and complete after it.
    if (record && record.revision >= (records.get(id)?.revision ?? 0)) records.set(id, record);
    unsure.delete(id);
    return records.get(id);
  };
  const find = async (id: ChannelId) => (unsure.has(id) ? load(id) : (records.get(id) ?? load(id)));
  const get = async (id: ChannelId) => {
    const record = await find(id);
    if (!record) throw payError('wrong-channel', { details: { channelId: id } });
    return record;
  };
  const save = async (record: ChannelRecord) => {
    try {
      await store.save(record);
    } catch (error) {
      unsure.add(record.id);
      throw error;
    }
    records.set(record.id, record);
    return record;
  };
  const dropEnded = async () => {
    for (const { id, seen } of Array.from(records.values())) {
      if (seen.withdrawableAt !== closedSentinel) continue;
      await store.delete({ chainId, side, id });
      records.delete(id);
      readings.delete(id);
    }
  };
  const state = (record: ChannelRecord) => inTime(storedState(record), record.terms);
  const apply = async (record: ChannelRecord, { event, voucher }: BookStep) => {
    const before = state(record);
    const code = voucherRefusal(before, event);
    if (code) throw payError(code, { details: { channelId: record.id, ...event, balance: before.balance } });
    const next = nextRecord(record, reduce(before, event), voucher);
    return next === record ? record : save({ ...next, revision: record.revision + 1 });
  };
  return {
    list: () => [...records.values()],
    unreadable: listed.unreadable,
    get,
    state,
    add: (given, seen = unseen) =>
      writes.run(async () => {
        const terms = parseTerms(given);
        const id = channelIdOf(terms);
        const known = await find(id);
        if (known) return known;
        if (records.size >= maximum) await dropEnded();
        if (records.size >= maximum) throw payError('too-many-channels', { details: { maximum } });
        return save(newRecord({ chainId, side, id }, terms, seen));
      }),
    step: (id, plan) =>
      writes.run(async () => {
        const record = await get(id);
        return apply(record, await plan(state(record)));
      }),
    async refresh(id, reading) {
      const turn = ++asked;
      const seen = await reading();
      return writes.run(async () => {
        const record = await get(id);
        if ((readings.get(id) ?? 0) > turn) return record;
        readings.set(id, turn);
        return apply(record, { event: { type: 'observed', seen } });
      });
    },
    applyEvents: (events) =>
      writes.run(async () => {
        for (const chainEvent of events) {
          const event = toChannelEvent(chainEvent);
          if (event && 'channelId' in chainEvent && records.has(chainEvent.channelId)) {
            await apply(await get(chainEvent.channelId), { event });
          }
        }
      }),
  };
}
