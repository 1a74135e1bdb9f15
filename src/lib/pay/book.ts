import { newChannel, reduce, type ChannelState } from './channel.ts';
import { payError } from './errors.ts';
import type { ChannelId, ChannelRecord, ChannelTerms, OnChainState, Side, VoucherStore } from './spec.ts';
import { channelIdOf, isJob, parseTerms } from './terms.ts';

/** The channels of one side of one chain, kept in memory and in the store; what both sides have in common. */
export interface Book {
  /** Known channels, in the order of their ids. */
  list(): readonly ChannelRecord[];
  /** @throws `wrong-channel` for one that is not known. */
  get(id: ChannelId): Promise<ChannelRecord>;
  /** Writes a channel down before its first unit moves; one that is known already is left as it is. */
  add(terms: ChannelTerms, seen?: OnChainState): Promise<ChannelRecord>;
  /** Stores the change, then shows it. On any failure the next look goes back to what the store has. */
  change(
    id: ChannelId,
    change: (record: ChannelRecord) => Promise<ChannelRecord> | ChannelRecord,
  ): Promise<ChannelRecord>;
}

/** Channels one side keeps, ended ones included. */
export const channelsMax = 4_096;

export const unseen: OnChainState = { balance: 0n, claimed: 0n, withdrawableAt: 0 };

/** Reads what the store has and goes on from there: after a crash as after any other start. */
export async function openBook(store: VoucherStore, side: Side, chainId: number): Promise<Book> {
  const records = new Map<ChannelId, ChannelRecord>();
  /** Whether a write that failed has happened is not known; only the store can say, before anything else is done. */
  const unsure = new Set<ChannelId>();
  for (const record of await store.list(side, channelsMax)) {
    if (record.chainId === chainId) records.set(record.id, record);
  }
  let line: Promise<unknown> = Promise.resolve();
  const inLine = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = line.then(work, work);
    line = turn.catch(() => undefined);
    return turn;
  };
  const load = async (id: ChannelId) => {
    const record = await store.load(side, id);
    if (record?.chainId === chainId) records.set(id, record);
    unsure.delete(id);
    return records.get(id);
  };
  const get = async (id: ChannelId) => {
    const record = unsure.has(id) ? await load(id) : (records.get(id) ?? (await load(id)));
    if (!record) throw payError('wrong-channel', { details: { channelId: id } });
    return record;
  };
  const makeSure = async () => {
    for (const id of Array.from(unsure)) await load(id);
  };
  const save = async (record: ChannelRecord) => {
    unsure.add(record.id);
    await store.save(record);
    unsure.delete(record.id);
    records.set(record.id, record);
    return record;
  };
  return {
    list: () => [...records.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    get,
    add: (given, seen = unseen) =>
      inLine(async () => {
        const terms = parseTerms(given);
        const id = channelIdOf(terms);
        await makeSure();
        const known = records.get(id) ?? (await load(id));
        if (known) return known;
        if (records.size >= channelsMax) throw payError('too-many-channels', { details: { maximum: channelsMax } });
        return save({ side, chainId, id, terms, revision: 1, voucher: null, seen });
      }),
    change: (id, change) =>
      inLine(async () => {
        await makeSure();
        const record = await get(id);
        const next = await change(record);
        return next === record ? record : save({ ...next, revision: record.revision + 1 });
      }),
  };
}

/** The channel as the reducer sees it. `now` in Unix seconds; a job expires by its terms. */
export function stateOf(record: ChannelRecord, now: number): ChannelState {
  const { terms, seen, voucher, side } = record;
  let state = reduce(newChannel(isJob(terms) ? 'job' : 'session'), { type: 'observed', seen });
  if (voucher) state = { ...state, promised: voucher.cumulativeAmount };
  const isPast = isJob(terms) && (side === 'payer' ? now >= terms.deadline : now > terms.deadline);
  return isPast ? reduce(state, { type: 'expired' }) : state;
}
