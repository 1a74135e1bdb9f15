import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Accusation } from '#lib/protocol/audit.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import { checkAccusation, type CheckedAccusation, type OpenedAuditRecord } from '#lib/trust/audit-records.ts';
import { pickableShare } from '#lib/trust/audit-share.ts';
import { isPicked, pickingRound, type Beacon } from '#lib/trust/beacon.ts';
import { newTrial, reduceTrial } from '#lib/trust/trial.ts';
import type {
  Candidate,
  RefusalCode,
  TrialEffect,
  TrialEvent,
  TrialState,
  TrialTerms,
  TrialWindows,
} from '#lib/trust/trial-state.ts';
import { isRunning, trialsPerAccuserMax } from './accusations.ts';

/** The accusations that are heard here, each judged from the records that follow it. */
export interface Trials {
  /** Records of other types than `accusation` go to the trial they name; what comes before its time waits for it. `at`: when it came. */
  take(opened: OpenedAuditRecord, at: number): void;
  /** Lets time pass, and asks the beacon for what is due. Wants to be called every half minute. */
  tick(at: number): Promise<void>;
  get(audit: string): Trial | undefined;
}

export interface Trial {
  readonly accusation: Accusation;
  readonly receipt: Receipt;
  readonly state: TrialState;
}

export interface TrialsComponents {
  readonly logger: Logger;
  readonly beacon: Beacon;
  /** As a network audits those it knows, in millionths; of a newcomer's leaves more may be accused (`trust/audit-share.ts`). */
  readonly share: number;
  readonly windows: TrialWindows;
  /** As `limits.epochGraceMs`. */
  readonly graceMs: number;
  /** Whoever is registered to judge. All who follow a trial have to see the same ones. */
  readonly candidates: () => readonly Candidate[];
  /** When the commitment was first heard here. */
  readonly seenAt: (epoch: string) => number | undefined;
  readonly onEvent?: ((audit: string, event: TrialEvent) => void) | undefined;
  readonly onEffect: (effect: TrialEffect, trial: Trial) => void;
}

/** Trials that anybody does something in, and all that are open: one that only waits whether its worker appeals costs nothing but its place. */
const runningMax = 256;
const openMax = 2_048;
/** Twice of what an accuser begins by itself: an appeal may be heard here before the accusation that it was to make room for. */
const heardPerAccuserMax = 2 * trialsPerAccuserMax;
/** Trials that are over and stay known, so that none begins again. */
const settledMax = 1_024;
const candidatesMax = 256;
/** Of the validators that are named, an accuser may leave out one in so many: enough for who does not look, and too few to choose a panel. */
const leftOutOf = 4;
/** Records that wait for a step of their trial that has not been seen here yet, and for trials that have not begun. */
const earlyMax = 64;
const unheardMax = 1_024;
/** Of which it is known only when the beacon's round is there. */
const unpickedMax = 256;

export const classOf = ({ engine }: Pick<Receipt, 'engine'>): string => `${engine.name} ${engine.deviceClass}`;

export function createTrials(components: TrialsComponents): Trials {
  const { logger, beacon, onEffect, onEvent } = components;
  const trials = new Map<string, Trial & { readonly early: TrialEvent[]; readonly draws: number[] }>();
  const settled = new Map<string, Trial>();
  const unpicked = new Map<string, CheckedAccusation>();
  let unheard: { readonly audit: string; readonly event: TrialEvent }[] = [];

  const refuse = (audit: string, code: string) => logger.info('audit-refused', { audit, code });

  const accuse = (accusation: Accusation, at: number) => {
    const { audit, accuser } = accusation;
    if (trials.has(audit) || settled.has(audit) || unpicked.has(audit)) return;
    const running = [...trials.values()].filter(({ state }) => isRunning(state));
    const own = [...running, ...unpicked.values()].filter((one) => one.accusation.accuser === accuser).length;
    const isFull = running.length >= runningMax || trials.size >= openMax || unpicked.size >= unpickedMax;
    if (isFull || own >= heardPerAccuserMax) return refuse(audit, 'busy');
    try {
      const checked = checkAccusation(accusation, at);
      const refusal = timeliness(checked) ?? selection(accusation);
      if (refusal) return refuse(audit, refusal);
      unpicked.set(audit, checked);
    } catch (error) {
      refuse(audit, errorCode(error));
    }
  };

  /** Who never heard the commitment cannot tell that it came in time, and judges nobody by it. */
  const timeliness = ({ accusation, epoch }: CheckedAccusation) => {
    if (accusation.beacon !== beacon.id) return 'other-beacon';
    const seenAt = components.seenAt(epoch.hash);
    if (seenAt === undefined) return 'epoch-unseen';
    const { dueAt } = pickingRound(beacon, { until: epoch.record.until, graceMs: components.graceMs });
    return seenAt < dueAt ? undefined : 'late-commitment';
  };

  const selection = ({ without = [] }: Accusation) => {
    const left = new Set(without).size;
    return left > leftOutMaxOf(components.candidates()) ? 'left-out-too-many' : undefined;
  };

  const beginPicked = async (at: number) => {
    for (const [audit, checked] of unpicked) {
      const { accusation, epoch, receipt, receiptHash } = checked;
      const { round } = pickingRound(beacon, { until: epoch.record.until, graceMs: components.graceMs });
      const value = await beacon.value(round);
      if (value.type !== 'value') {
        if (at > accusation.accusedAt + components.windows.drawMs) unpicked.delete(audit);
        continue;
      }
      unpicked.delete(audit);
      const draw = { beacon: beacon.id, randomness: value.randomness };
      if (!isPicked(draw, { root: epoch.record.root, index: accusation.index }, pickableShare(components.share))) {
        refuse(audit, 'not-picked');
        continue;
      }
      const terms = termsOf({ ...components, accusation, receipt, receiptHash });
      const [state, effects] = newTrial(terms, accusation.accusedAt);
      trials.set(audit, { accusation, receipt, state, early: [], draws: [] });
      for (const effect of effects) carryOut(audit, effect);
      const early = unheard.filter((one) => one.audit === audit);
      unheard = unheard.filter((one) => one.audit !== audit);
      for (const { event } of early) apply(audit, event);
    }
  };

  const apply = (audit: string, event: TrialEvent) => {
    const trial = trials.get(audit);
    if (!trial && settled.has(audit)) return;
    if (!trial) {
      // Whoever was quicker to begin has voted already.
      if (event.type !== 'tick') unheard = [...unheard, { audit, event }].slice(-unheardMax);
      return;
    }
    const [state, effects] = reduceTrial(trial.state, event);
    const refusal = effects.find((effect) => effect.type === 'refused');
    const hasMoved = state.phase !== trial.state.phase || state.seated !== trial.state.seated;
    if (refusal && mayBeEarly.has(refusal.code) && event.type !== 'tick' && trial.early.length < earlyMax)
      trial.early.push(event);
    trials.set(audit, { ...trial, state });
    onEvent?.(audit, event);
    for (const effect of effects) carryOut(audit, effect);
    // Two validators' records arrive in any order: what came too early may fit now.
    if (hasMoved) for (const early of trial.early.splice(0)) apply(audit, early);
  };

  const carryOut = (audit: string, effect: TrialEffect) => {
    const trial = trials.get(audit);
    if (!trial) return;
    if (effect.type === 'draw') trial.draws.push(beacon.roundAfter(effect.after));
    if (effect.type === 'settled') {
      trials.delete(audit);
      settled.set(audit, trial);
      if (settled.size > settledMax) settled.delete(settled.keys().next().value!);
    }
    onEffect(effect, trial);
  };

  const draw = async (audit: string, at: number) => {
    const trial = trials.get(audit);
    const round = trial?.draws[0];
    if (!trial || round === undefined) return;
    const value = await beacon.value(round);
    if (value.type !== 'value') return;
    trial.draws.shift();
    apply(audit, { type: 'drawn', draw: { beacon: beacon.id, randomness: value.randomness }, at });
  };

  return {
    take(opened, at) {
      switch (opened.type) {
        case 'accusation':
          return accuse(opened.record, at);
        case 'commitment':
          return apply(opened.record.audit, { type: 'committed', ...opened.record, at });
        case 'reveal':
          return apply(opened.record.audit, { type: 'revealed', reveal: opened.record, at });
        case 'unsealing': {
          const { audit, accuser, salt, truth } = opened.record;
          if (trials.get(audit)?.accusation.accuser !== accuser) return;
          return apply(audit, { type: 'unsealed', salt, truth, at });
        }
        case 'appeal': {
          const { audit, worker, appealedAt } = opened.record;
          if (Math.abs(appealedAt - at) > limits.auditClockSkewMs) return refuse(audit, 'stale-appeal');
          return apply(audit, { type: 'appealed', by: worker, appealedAt, at });
        }
        case 'release':
          return;
      }
    },
    async tick(at) {
      await beginPicked(at);
      for (const audit of trials.keys()) {
        await draw(audit, at);
        apply(audit, { type: 'tick', at });
      }
    },
    get: (audit) => trials.get(audit) ?? settled.get(audit),
  };
}

/** A record that is refused so may only have arrived before another. */
const mayBeEarly: ReadonlySet<RefusalCode> = new Set(['wrong-phase', 'wrong-sitting', 'not-on-panel']);

export const leftOutMaxOf = (candidates: readonly Candidate[]): number => Math.floor(candidates.length / leftOutOf);

interface Accused {
  readonly accusation: Pick<Accusation, 'audit' | 'accuser' | 'seal' | 'without'>;
  readonly receipt: Receipt;
  readonly receiptHash: string;
}

/** What a trial is held under, alike at all who follow it. */
export const termsOf = ({
  accusation,
  receipt,
  receiptHash,
  candidates,
  windows,
}: Accused & Pick<TrialsComponents, 'candidates' | 'windows'>): TrialTerms => ({
  audit: accusation.audit,
  worker: receipt.worker,
  accuser: accusation.accuser,
  asker: receipt.asker,
  receipt: receiptHash,
  seal: accusation.seal,
  engineClass: classOf(receipt),
  candidates: candidates()
    .slice(0, candidatesMax)
    .filter(({ peer }) => accusation.without?.includes(peer) !== true),
  positions: Math.min(limits.auditPositionsMax, receipt.tokensOut),
  windows,
});
