import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { noCounts } from '#lib/peer/serve/no-work.ts';
import type { GivenDay, ModelSharing } from '#lib/state/sharing.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { Sharing } from './run-sharing.ts';

/** What this device gave to others, by day and model. Counts only: nothing of what was asked or answered. */
export interface GivenBook {
  /** Oldest first. */
  days(): Promise<readonly GivenDay[]>;
  /** Stores what has not been stored yet, and ends. */
  stop(): Promise<void>;
}

const prefix = 'given/';
const daysMax = 400;
/** Models named in a day; the rest is counted as `*`. */
const modelsMax = 64;
/** Counts may be this old when the browser crashes. */
const storeEveryMs = 10_000;

const count = z.number().int().nonnegative();
const daySchema = z.record(z.string(), z.object({ answers: count, tokensIn: count, tokensOut: count }));
type Day = z.output<typeof daySchema>;
type Sums = Day[string];

export function keepGivenBook({
  storage,
  clock,
  sharing,
}: {
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly sharing: Pick<Sharing, 'view'>;
}): GivenBook {
  let before = sharing.view.current.models;
  let due: Day = {};
  let letGo: (() => void) | undefined;

  const store = async (): Promise<void> => {
    letGo?.();
    letGo = undefined;
    const adding = due;
    due = {};
    if (Object.keys(adding).length === 0) return;
    const day = { store: 'measurements', key: prefix + new Date(clock.now()).toISOString().slice(0, 10) } as const;
    let isNewDay = false;
    try {
      await storage.update([day], ([stored]) => {
        isNewDay = stored === undefined;
        const parsed = daySchema.safeParse(stored);
        return [{ type: 'put', ...day, value: addDays(parsed.success ? parsed.data : {}, adding) }];
      });
    } catch (error) {
      due = addDays(adding, due);
      throw error;
    }
    if (!isNewDay) return;
    const old = await storage.list('measurements', { prefix, limit: daysMax + 50, order: 'descending' });
    await storage.batch(old.slice(daysMax).map(({ key }) => ({ type: 'delete', store: 'measurements', key })));
  };

  const endListening = sharing.view.listen(({ models }) => {
    const given = models.flatMap((now) => {
      const sums = difference(before.find(({ model }) => model === now.model) ?? { ...now, ...noCounts }, now);
      return sums ? [[now.model, sums] as const] : [];
    });
    before = models;
    if (given.length === 0) return;
    due = addDays(due, Object.fromEntries(given));
    letGo ??= clock.after(storeEveryMs, () => void store().catch(() => undefined));
  });

  return {
    async days() {
      await store().catch(() => undefined);
      const entries = await storage.list('measurements', { prefix, limit: daysMax, order: 'descending' });
      return entries.toReversed().flatMap(toGivenDay);
    },
    async stop() {
      endListening();
      await store().catch(() => undefined);
    },
  };
}

/** What was done between two views; undefined if nothing, or if counting began anew. */
function difference(before: ModelSharing, after: ModelSharing): Sums | undefined {
  const sums = {
    answers: after.jobsDone - before.jobsDone,
    tokensIn: after.tokensIn - before.tokensIn,
    tokensOut: after.tokensOut - before.tokensOut,
  };
  const values = Object.values(sums);
  return values.some((value) => value > 0) && values.every((value) => value >= 0) ? sums : undefined;
}

function addDays(day: Day, more: Day): Day {
  const sum = new Map(Object.entries(day));
  for (const [model, added] of Object.entries(more)) {
    const name = sum.has(model) || sum.size < modelsMax ? model : '*';
    const had = sum.get(name) ?? { answers: 0, tokensIn: 0, tokensOut: 0 };
    sum.set(name, {
      answers: had.answers + added.answers,
      tokensIn: had.tokensIn + added.tokensIn,
      tokensOut: had.tokensOut + added.tokensOut,
    });
  }
  return Object.fromEntries(sum);
}

function toGivenDay({ key, value }: { readonly key: string; readonly value: unknown }): readonly GivenDay[] {
  const parsed = daySchema.safeParse(value);
  if (!parsed.success) return [];
  return [
    {
      day: key.slice(prefix.length),
      models: Object.entries(parsed.data).map(([model, sums]) => ({ model, ...sums })),
    },
  ];
}
