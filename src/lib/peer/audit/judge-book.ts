import { z } from 'zod';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { peerIdSchema, type PeerId } from '#lib/protocol/ids.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { isFit, noSeats, type JudgeStanding } from '#lib/trust/judge-standing.ts';
import type { PanelFault } from '#lib/trust/trial-state.ts';
import type { AuditOutcomeEffect } from './auditing.ts';

/** How the validators of the trials that were heard here have judged. */
export interface JudgeBook {
  note(effect: AuditOutcomeEffect): void;
  entries(): readonly (readonly [validator: PeerId, standing: JudgeStanding])[];
  /** Those who are not fit, with the most faults first. */
  unfit(): readonly PeerId[];
}

/** A network names 64 at most. */
const judgesMax = 256;
/** What was counted last, so that trials that are heard again after a restart count once. */
const newestMax = 256;
const prefix = 'audit/judge/';
const count = z.number().int().min(0);
const faults = [
  'changed-mind',
  'no-values',
  'copied',
  'stray-values',
  'slept',
  'no-reveal',
  'missed-plant',
] as const satisfies readonly PanelFault[];
const storedSchema = z.object({
  seats: count,
  faults: z.partialRecord(z.enum(faults), count),
  newest: z.array(z.string().max(128)).max(newestMax),
});
type Stored = z.output<typeof storedSchema>;

/** @throws those of the storage. */
export async function openJudgeBook({
  storage,
  logger,
}: {
  readonly storage: KeyValue;
  readonly logger: Logger;
}): Promise<JudgeBook> {
  const judges = new Map<PeerId, Stored>();
  const failed = (error: unknown) => logger.warn('judge-not-stored', { code: errorCode(error) });

  const change = (validator: PeerId, what: string, write: (standing: JudgeStanding) => JudgeStanding) => {
    const before: Stored = judges.get(validator) ?? { ...noSeats, newest: [] };
    if (before.newest.includes(what)) return;
    const next: Stored = { ...write(before), newest: [...before.newest, what].slice(-newestMax) };
    judges.delete(validator);
    judges.set(validator, next);
    storage.put('receipts', prefix + validator, next).catch(failed);
    // Its own accusations leave it out; whoever names validators reads it here, to strike it for all.
    if (isFit(before) && !isFit(next)) logger.warn('validator-unfit', { validator, ...next.faults });
    if (judges.size <= judgesMax) return;
    const oldest = judges.keys().next().value!;
    judges.delete(oldest);
    storage.delete('receipts', prefix + oldest).catch(failed);
  };

  for (const { key, value } of await storage.list('receipts', { prefix, limit: judgesMax })) {
    const [peer, stored] = [peerIdSchema.safeParse(key.slice(prefix.length)).data, storedSchema.safeParse(value).data];
    if (peer && stored) judges.set(peer, stored);
  }
  return {
    note(one) {
      if (one.of !== 'trial') return;
      const { effect, trial } = one;
      const { round, sitting } = trial.state;
      const place = `${trial.accusation.audit} ${round} ${sitting}`;
      if (effect.type === 'seat')
        for (const validator of effect.validators)
          change(validator, `${place} seat`, ({ seats, faults }) => ({ seats: seats + 1, faults }));
      if (effect.type !== 'fault') return;
      const { validator, code } = effect;
      change(validator, `${place} ${code}`, ({ seats, faults }) => ({
        seats,
        faults: { ...faults, [code]: (faults[code] ?? 0) + 1 },
      }));
    },
    unfit: () =>
      [...judges]
        .filter(([, standing]) => !isFit(standing))
        .toSorted(([, a], [, b]) => faultsOf(b) - faultsOf(a))
        .map(([validator]) => validator),
    entries: () => [...judges].map(([validator, { seats, faults }]) => [validator, { seats, faults }]),
  };
}

const faultsOf = ({ faults }: JudgeStanding): number => Object.values(faults).reduce((sum, one) => sum + one, 0);
