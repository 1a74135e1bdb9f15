import { voucherRefusal, reduce, type ChannelEvent, type ChannelState } from './channel.ts';
import { payError } from './errors.ts';
import { newRecord, nextRecord, storedState, toChannelEvent, unseen } from './record.ts';
import {
  closedMark,
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

/** The channels of one side of one chain, kept in memory and in the store; what both sides have in common. */
export interface ChannelBook {
  /** Known channels, in no order. */
  list(): readonly ChannelRecord[];
  /** Keys of what the store holds and nobody can read. */
  readonly unreadable: readonly string[];
  /** @throws `wrong-channel` for one that is not known. */
  get(id: ChannelId): Promise<ChannelRecord>;
  state(record: ChannelRecord): ChannelState;
  /**
   * Writes a channel down before its first unit moves; one that is known already is left as it is. A full book lets go
   * of channels that have ended. @throws `too-many-channels`.
   */
  add(terms: ChannelTerms, seen?: OnChainState): Promise<ChannelRecord>;
  /**
   * Takes a step: what `plan` answers goes through the reducer, the outcome is stored, then shown. On any failure the
   * next look goes back to what the store has. @throws the code the reducer turns the event away with.
   */
  step(id: ChannelId, plan: (state: ChannelState) => Promise<BookStep> | BookStep): Promise<ChannelRecord>;
  /** Reads the chain. Answers may come back in another order than they were asked for: the one asked for last counts. */
  refresh(id: ChannelId, reading: () => Promise<OnChainState>): Promise<ChannelRecord>;
  /** Takes note of what a transaction has brought about; what concerns none of these channels is passed over. */
  applyEvents(events: readonly ChainEvent[]): Promise<void>;
}

export interface BookStep {
  readonly event: ChannelEvent;
  /** With a promise: the voucher it is written in. */
  readonly voucher?: Voucher;
}

/** Channels one side keeps, ended ones included. */
export const channelsMax = 4_096;

export interface ChannelBookInit {
  readonly store: VoucherStore;
  readonly side: Side;
  readonly chainId: number;
  /** What time has to say about a channel, on top of its record. */
  readonly inTime: (state: ChannelState, terms: ChannelTerms) => ChannelState;
  readonly channelsMax?: number;
}

/** Reads what the store has and goes on from there: after a crash as after any other start. */
export async function openChannelBook({
  store,
  side,
  chainId,
  inTime,
  ...init
}: ChannelBookInit): Promise<ChannelBook> {
  const maximum = init.channelsMax ?? channelsMax;
  const records = new Map<ChannelId, ChannelRecord>();
  /** Whether a write that failed has happened is not known; only the store can say, before the channel goes on. */
  const unsure = new Set<ChannelId>();
  /** The newest reading of each channel that was taken, by the order in which they were asked for. */
  const readings = new Map<ChannelId, number>();
  let asked = 0;
  const listed = await store.list({ chainId, side }, maximum);
  for (const record of listed.records) records.set(record.id, record);
  let line: Promise<unknown> = Promise.resolve();
  const inLine = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = line.then(work, work);
    line = turn.catch(() => undefined);
    return turn;
  };
  const load = async (id: ChannelId) => {
    const record = await store.load({ chainId, side, id });
    // Somebody may have looked while a write was on its way, and be answered after it.
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
      if (seen.withdrawableAt !== closedMark) continue;
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
      inLine(async () => {
        const terms = parseTerms(given);
        const id = channelIdOf(terms);
        const known = await find(id);
        if (known) return known;
        if (records.size >= maximum) await dropEnded();
        if (records.size >= maximum) throw payError('too-many-channels', { details: { maximum } });
        return save(newRecord({ chainId, side, id }, terms, seen));
      }),
    step: (id, plan) =>
      inLine(async () => {
        const record = await get(id);
        return apply(record, await plan(state(record)));
      }),
    async refresh(id, reading) {
      const turn = ++asked;
      const seen = await reading();
      return inLine(async () => {
        const record = await get(id);
        if ((readings.get(id) ?? 0) > turn) return record;
        readings.set(id, turn);
        return apply(record, { event: { type: 'observed', seen } });
      });
    },
    applyEvents: (events) =>
      inLine(async () => {
        for (const heard of events) {
          const event = toChannelEvent(heard);
          if (event && 'channelId' in heard && records.has(heard.channelId)) {
            await apply(await get(heard.channelId), { event });
          }
        }
      }),
  };
}
