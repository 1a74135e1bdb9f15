import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { PaidWork } from '#lib/market/pay-way.ts';
import { artefactIdSchema, type ArtefactId } from '#lib/protocol/ids.ts';
import type { KeyValue } from '#lib/storage/spec.ts';

/** What this asker has paid for in the last seven days, by model: so many jobs, and their tokens. Bounded, and kept across restarts. */
export interface PaidWorkBook {
  of(artefact: ArtefactId): PaidWork;
  /** A job was paid for and has ended. */
  note(artefact: ArtefactId, tokens: { readonly in: number; readonly out: number }): void;
}

export interface PaidWorkComponents {
  readonly clock: Clock;
  /** Kept in memory alone where it is left out. */
  readonly storage?: KeyValue | undefined;
  readonly logger?: Logger | undefined;
}

export const paidWorkLimits = { days: 7, artefactsMax: 64 } as const;

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const daySchema = z.object({ day: count, jobs: count, in: count, out: count });
type Day = z.output<typeof daySchema>;
const bookSchema = z
  .array(z.tuple([artefactIdSchema, z.array(daySchema).max(paidWorkLimits.days)]))
  .max(paidWorkLimits.artefactsMax);

const place = ['measurements', 'paid-work'] as const;
const dayMs = 86_400_000;
const nothing: PaidWork = { jobs: 0, in: 0, out: 0 };

/** Reads what was stored; a storage that cannot be read is as good as an empty one. */
export async function openPaidWork(
  components: PaidWorkComponents & { readonly storage: KeyValue },
): Promise<PaidWorkBook> {
  try {
    const stored = bookSchema.safeParse(await components.storage.get(...place));
    return createPaidWork(components, stored.data);
  } catch (error) {
    components.logger?.warn('paid-work-not-read', { code: errorCode(error) });
    return createPaidWork(components);
  }
}

export function createPaidWork(
  { clock, storage, logger }: PaidWorkComponents,
  stored: readonly (readonly [ArtefactId, readonly Day[]])[] = [],
): PaidWorkBook {
  const days = new Map(stored);
  const today = () => Math.max(0, Math.floor(clock.now() / dayMs));
  /** Days ahead of the clock were noted by one that was set back since; they count until it has come there. */
  const recent = (artefact: ArtefactId) =>
    (days.get(artefact) ?? []).filter(({ day }) => day > today() - paidWorkLimits.days).slice(-paidWorkLimits.days);
  let writes = Promise.resolve();
  return {
    of: (artefact) =>
      recent(artefact).reduce<PaidWork>(
        (sum, one) => ({ jobs: sum.jobs + one.jobs, in: sum.in + one.in, out: sum.out + one.out }),
        nothing,
      ),
    note(artefact, tokens) {
      const before = recent(artefact);
      const last = before.at(-1);
      const day = today();
      const { jobs, in: input, out } = last?.day === day ? last : nothing;
      const now: Day = { day, jobs: jobs + 1, in: input + tokens.in, out: out + tokens.out };
      const kept = last?.day === day ? before.slice(0, -1) : before;
      days.delete(artefact);
      days.set(artefact, [...kept, now].slice(-paidWorkLimits.days));
      const oldest = days.keys().next();
      if (days.size > paidWorkLimits.artefactsMax && !oldest.done) days.delete(oldest.value);
      const value = [...days];
      if (!storage) return;
      writes = writes
        .then(() => storage.put(...place, value))
        .catch((error: unknown) => logger?.warn('paid-work-not-stored', { code: errorCode(error) }));
    },
  };
}
