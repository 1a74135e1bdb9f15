import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { randomId } from '#lib/base/ids.ts';
import type { Random } from '#lib/base/random.ts';
import { unitsSchema } from '#lib/protocol/price.ts';
import type { MoneyDay, MoneyEvent } from '#lib/state/wallet.ts';
import type { KeyValue } from '#lib/storage/spec.ts';

/** What happened to the money, for its owner to read: nothing here is money, and losing it loses none. */
export interface MoneyBook {
  /** Adds an event at this moment, and what it cost or earned to its day, in one write. */
  note(event: Omit<MoneyEvent, 'at'>): Promise<void>;
  /** Newest first. */
  history(): Promise<readonly MoneyEvent[]>;
  /** Oldest first. */
  days(): Promise<readonly MoneyDay[]>;
}

export interface MoneyBookComponents {
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly random: Random;
  /** Each chain has a book of its own. */
  readonly chain: number;
}

/** Events shown; a few more may be stored before the oldest go. */
const eventsMax = 500;
const notesBetweenTrims = 100;
const daysMax = 400;
/** Models named in a day; what others earn is counted together. */
const modelsMax = 64;
const otherModels = '*';

const types = [
  'answer-paid',
  'answer-earned',
  'channel-opened',
  'channel-topped-up',
  'withdrawal-announced',
  'withdrawn',
  'claimed',
  'paid-out',
  'faucet',
] as const satisfies readonly MoneyEvent['type'][];

const eventSchema = z.object({
  at: z.number(),
  type: z.enum(types),
  units: unitsSchema.optional(),
  hash: z.string().max(66).optional(),
  model: z.string().max(128).optional(),
});
const daySchema = z.object({ spent: unitsSchema, earned: z.record(z.string(), unitsSchema) });
type Day = z.output<typeof daySchema>;

export function createMoneyBook({ storage, clock, random, chain }: MoneyBookComponents): MoneyBook {
  const [events, days] = [`event/${chain}/`, `day/${chain}/`];
  let notes = 0;
  const newest = (prefix: string, limit: number) => storage.list('pay', { prefix, limit, order: 'descending' });
  const trim = async (prefix: string, kept: number) => {
    const entries = await newest(prefix, kept + 2 * notesBetweenTrims);
    if (entries.length <= kept) return;
    await storage.batch(entries.slice(kept).map(({ key }) => ({ type: 'delete', store: 'pay', key })));
  };
  return {
    async note({ type, units, hash, model }) {
      const at = clock.now();
      const event = { store: 'pay', key: `${events}${String(at).padStart(15, '0')}-${randomId(random)}` } as const;
      const day = { store: 'pay', key: days + new Date(at).toISOString().slice(0, 10) } as const;
      const value = { at, type, ...(units === undefined ? {} : { units: units.toString() }), hash, model };
      await storage.update([day], ([stored]) => {
        const put = { type: 'put', ...event, value } as const;
        if (type !== 'answer-paid' && type !== 'answer-earned') return [put];
        const parsed = daySchema.safeParse(stored);
        const next = addTo(parsed.success ? parsed.data : { spent: '0', earned: {} }, {
          type,
          units: units ?? 0n,
          model,
        });
        return [put, { type: 'put', ...day, value: next }];
      });
      if (notes++ % notesBetweenTrims === 0) await Promise.all([trim(events, eventsMax), trim(days, daysMax)]);
    },
    async history() {
      const entries = await newest(events, eventsMax);
      return entries.flatMap(({ value }) => {
        const { success, data } = eventSchema.safeParse(value);
        if (!success) return [];
        const { at, type, units, hash, model } = data;
        return { at, type, units: units === undefined ? undefined : BigInt(units), hash, model };
      });
    },
    async days() {
      const entries = await newest(days, daysMax);
      return entries.toReversed().flatMap(({ key, value }) => {
        const { success, data } = daySchema.safeParse(value);
        if (!success) return [];
        const earned = Object.entries(data.earned).map(([model, units]) => ({ model, units: BigInt(units) }));
        return { day: key.slice(days.length), spent: BigInt(data.spent), earned };
      });
    },
  };
}

function addTo(
  { spent, earned }: Day,
  {
    type,
    units,
    model = otherModels,
  }: { readonly type: string; readonly units: bigint; readonly model?: string | undefined },
): Day {
  if (type === 'answer-paid') return { spent: (BigInt(spent) + units).toString(), earned };
  const isNamed = Object.hasOwn(earned, model) || Object.keys(earned).length < modelsMax;
  const name = isNamed ? model : otherModels;
  const before = Object.hasOwn(earned, name) ? BigInt(earned[name]!) : 0n;
  return { spent, earned: { ...earned, [name]: (before + units).toString() } };
}
