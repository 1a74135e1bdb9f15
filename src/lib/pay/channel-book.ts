import type { Clock } from '#lib/base/clock.ts';
import { createMutex, createMutexes } from '#lib/base/mutex.ts';
import { momentOf, type Moment } from './chain-time.ts';
import { voucherRefusal, reduce, type ChannelEvent, type ChannelState } from './channel.ts';
import { payError } from './errors.ts';
import { exposed } from './policy.ts';
import { newRecord, nextRecord, storedState, toChannelEvent, unseen } from './record.ts';
import {
  closedSentinel,
  type Address,
  type ChainEvent,
  type ChannelId,
  type ChannelRecord,
  type ChannelTerms,
  type OnChainState,
  type Side,
  type Spent,
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
  /** The record in memory; undefined for an unknown channel, and after a failed write until it has been reloaded. */
  peek(id: ChannelId): ChannelRecord | undefined;
  /** Units that this payer's channels leave exposed; kept up to date, so reading costs nothing. */
  owedBy(payer: Address): bigint;
  state(record: ChannelRecord): ChannelState;
  /**
   * Records a channel before any of its money moves; a known channel is left unchanged. A full book evicts channels
   * that have ended. @throws `too-many-channels`.
   */
  add(terms: ChannelTerms, seen?: OnChainState): Promise<ChannelRecord>;
  /**
   * Performs one state transition: runs the event from `plan` through the reducer, stores the result, then publishes
   * it. After any failure the channel is reloaded from the store. @throws the code with which the reducer refuses the
   * event. Steps of one channel wait for each other, those of different channels do not.
   */
  step(
    id: ChannelId,
    plan: (state: ChannelState) => Promise<BookStep | null> | BookStep | null,
  ): Promise<ChannelRecord>;
  /** When the newest reading applied to a channel was requested; undefined if it has not been read since the start. */
  readAt(id: ChannelId): Moment | undefined;
  /** From now on what has been read about a channel is out of date. */
  doubt(id: ChannelId): void;
  /** Reads the chain. Responses may arrive out of order; the most recent request wins. */
  refresh(id: ChannelId, reading: () => Promise<OnChainState>): Promise<ChannelRecord>;
  /** Applies a transaction's events; those of unknown channels are ignored. */
  applyEvents(events: readonly ChainEvent[]): Promise<void>;
}

export interface BookStep {
  readonly event: ChannelEvent;
  /** The voucher, if the event is a promise. */
  readonly voucher?: Voucher;
  /** What it costs the session key, stored with it. */
  readonly spent?: Spent;
}

/** Channels one side keeps, including ended ones. */
export const channelsMax = 4_096;

export interface ChannelBookInit {
  readonly store: VoucherStore;
  readonly clock: Clock;
  readonly side: Side;
  readonly chainId: number;
  /** Applies time-dependent state on top of a channel's record. */
  readonly inTime: (state: ChannelState, terms: ChannelTerms) => ChannelState;
  readonly channelsMax?: number;
}

/** Loads the store's records and continues from there, after a crash as after a normal start. */
export async function openChannelBook({
  store,
  clock,
  side,
  chainId,
  inTime,
  ...init
}: ChannelBookInit): Promise<ChannelBook> {
  const maximum = init.channelsMax ?? channelsMax;
  const records = new Map<ChannelId, ChannelRecord>();
  /** Channels with a failed write that may or may not have happened; they must be reloaded before use. */
  const unsure = new Set<ChannelId>();
  /** The newest reading applied to each channel, in request order. */
  const readings = new Map<ChannelId, { readonly turn: number; readonly at: Moment }>();
  /** Channels whose readings up to this request are out of date. */
  const doubted = new Map<ChannelId, number>();
  let asked = 0;
  const owed = new Map<Address, bigint>();
  const count = (record: ChannelRecord | undefined, sign: 1n | -1n) => {
    if (!record) return;
    const { payer } = record.terms;
    const sum = (owed.get(payer) ?? 0n) + sign * exposed({ terms: record.terms, state: storedState(record) });
    if (sum === 0n) owed.delete(payer);
    else owed.set(payer, sum);
  };
  const put = (record: ChannelRecord) => {
    count(records.get(record.id), -1n);
    records.set(record.id, record);
    count(record, 1n);
  };
  const listed = await store.list({ chainId, side }, maximum);
  for (const record of listed.records) put(record);
  const channels = createMutexes<ChannelId>();
  /** Additions wait for each other, so that the book does not outgrow its maximum. */
  const additions = createMutex();
  const load = async (id: ChannelId) => {
    const record = await store.load({ chainId, side, id });
    // This load may have started before a write and complete after it.
    if (record && record.revision >= (records.get(id)?.revision ?? 0)) put(record);
    unsure.delete(id);
    return records.get(id);
  };
  const find = async (id: ChannelId) => (unsure.has(id) ? load(id) : (records.get(id) ?? load(id)));
  const get = async (id: ChannelId) => {
    const record = await find(id);
    if (!record) throw payError('wrong-channel', { details: { channelId: id } });
    return record;
  };
  const save = async (record: ChannelRecord, spent?: Spent) => {
    try {
      await store.save(record, spent);
    } catch (error) {
      unsure.add(record.id);
      throw error;
    }
    put(record);
    return record;
  };
  const dropEnded = async () => {
    for (const { id, seen } of Array.from(records.values())) {
      if (seen.withdrawableAt !== closedSentinel) continue;
      await channels.run(id, async () => {
        await store.delete({ chainId, side, id });
        count(records.get(id), -1n);
        records.delete(id);
        readings.delete(id);
        doubted.delete(id);
      });
    }
  };
  const state = (record: ChannelRecord) => inTime(storedState(record), record.terms);
  const apply = async (record: ChannelRecord, { event, voucher, spent }: BookStep) => {
    const before = state(record);
    const code = voucherRefusal(before, event);
    if (code) throw payError(code, { details: { channelId: record.id, ...event, balance: before.balance } });
    const next = nextRecord(record, reduce(before, event), voucher);
    return next === record ? record : save({ ...next, revision: record.revision + 1 }, spent);
  };
  return {
    list: () => [...records.values()],
    unreadable: listed.unreadable,
    get,
    peek: (id) => (unsure.has(id) ? undefined : records.get(id)),
    owedBy: (payer) => owed.get(payer) ?? 0n,
    state,
    add: (given, seen = unseen) =>
      additions.run(async () => {
        const terms = parseTerms(given);
        const id = channelIdOf(terms);
        const known = await find(id);
        if (known) return known;
        if (records.size >= maximum) await dropEnded();
        if (records.size >= maximum) throw payError('too-many-channels', { details: { maximum } });
        return save(newRecord({ chainId, side, id }, terms, seen));
      }),
    step: (id, plan) =>
      channels.run(id, async () => {
        const record = await get(id);
        const step = await plan(state(record));
        return step ? apply(record, step) : record;
      }),
    readAt: (id) => (doubted.has(id) ? undefined : readings.get(id)?.at),
    doubt: (id) => void (records.has(id) && doubted.set(id, asked)),
    async refresh(id, reading) {
      const [turn, at] = [++asked, momentOf(clock)];
      const seen = await reading();
      return channels.run(id, async () => {
        const record = await get(id);
        if ((readings.get(id)?.turn ?? 0) > turn) return record;
        const next = await apply(record, { event: { type: 'observed', seen } });
        readings.set(id, { turn, at });
        if (turn > (doubted.get(id) ?? 0)) doubted.delete(id);
        return next;
      });
    },
    async applyEvents(events) {
      for (const chainEvent of events) {
        const event = toChannelEvent(chainEvent);
        if (!event || !('channelId' in chainEvent)) continue;
        const id = chainEvent.channelId;
        if (records.has(id)) await channels.run(id, async () => apply(await get(id), { event }));
      }
    },
  };
}
