import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { auditId, type Accusation, type SealTruth } from '#lib/protocol/audit.ts';
import type { AuditFrame } from '#lib/protocol/audit-frame.ts';
import type { Envelope, Signer } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { signAuditRecord } from '#lib/trust/audit-records.ts';
import {
  newAudit,
  reduceAudit,
  type AuditEffect,
  type AuditEvent,
  type AuditState,
  type AuditWindows,
} from '#lib/trust/audit.ts';
import { isInFavour, lookShareOf, type AuditCounts, type AuditedSoFar } from '#lib/trust/audit-share.ts';
import { isPicked, pickingRound, type Beacon } from '#lib/trust/beacon.ts';
import { provesInclusion, type OpenedEpoch } from '#lib/trust/epoch.ts';
import { openReceipt, type OpenedReceipt } from '#lib/trust/receipt.ts';
import type { Candidate, TrialEvent, TrialWindows } from '#lib/trust/trial-state.ts';
import { sealOf } from '#lib/trust/vote.ts';
import { isReceipted } from '#lib/trust/released.ts';
import type { Scorer } from '../spec.ts';
import type { EvidenceStore } from './evidence.ts';
import { createAccusationPlaces, isRunning } from './accusations.ts';
import { asksOf, leastMissed, releasedFrame, stateOf, storedOf, type Followed } from './followed.ts';
import { createTurns } from './in-turn.ts';
import { auditsMax, type FollowStore } from './follow-store.ts';
import { createOutcomes, isReleaseOf, releasedMax, type AuditProgress, type Released } from './released-jobs.ts';
import type { AskAudit } from './stream.ts';
import { leftOutMaxOf, termsOf, type Trial } from './trials.ts';
import { scoreShown, type Judge, type Judged, type PublishRecord, type ShownAnswer } from './validator.ts';

export interface AuditorComponents {
  readonly signer: Signer;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly logger: Logger;
  readonly beacon: Beacon;
  /** As a network audits those it knows, in millionths. */
  readonly share: number;
  /** What this auditor knows of a worker, by which it audits more; all are newcomers by default. */
  readonly known?: ((worker: PeerId) => AuditedSoFar | undefined) | undefined;
  readonly windows: AuditWindows;
  readonly trialWindows: TrialWindows;
  readonly candidates: () => readonly Candidate[];
  readonly scorer: Scorer;
  readonly judge: Judge;
  readonly ask: AskAudit;
  readonly publish: PublishRecord;
  /**
   * Whether an answer that was scored so is handed to a panel to test it, and what the panel should find. Undefined: what failed
   * is accused, and nothing else.
   */
  readonly plant?: ((score: 'passed' | 'failed', worker: PeerId) => Exclude<SealTruth, 'real'> | undefined) | undefined;
  /** Validators that have judged so here that they should not sit, the worst first; as many as may be are left out. */
  readonly unfit?: (() => readonly PeerId[]) | undefined;
  readonly onEffect: (effect: AuditEffect, receipt: OpenedReceipt) => void;
  /** What the judge made of an answer here. */
  readonly onScored: (judged: Judged, receipt: OpenedReceipt, counts: AuditCounts) => void;
  /** As `limits.epochGraceMs`. */
  readonly graceMs: number;
  /** Receipts that are followed at once, where they are not `auditsMax`. */
  readonly followedMax?: number | undefined;
  /** What it goes on from after a restart; without, what it followed is let go. */
  readonly followStore?: FollowStore | undefined;
  /** What was shown of those that were convicted, for judges who come later; without, only panels of the trial see it. */
  readonly evidence?: EvidenceStore | undefined;
  /** Whether the contract hears an appeal against the conviction that this audit ended with. */
  readonly isAppealed?: ((audit: string) => boolean) | undefined;
}

/**
 * Follows the receipts of its own jobs that it may show, as canaries are: to their epoch, the beacon, the opened leaf and its own
 * score; accuses what fails, shows it to the panel, and opens its seal.
 */
export function createAuditor(components: AuditorComponents) {
  const { signer, clock, random, logger, beacon, ask, publish, followStore: store } = components;
  const followed = new Map<string, Followed>();
  /** What became of those that their askers released, the newest of them. */
  const outcomes = createOutcomes();
  const shareOf = ({ receipt, counts }: Followed) =>
    lookShareOf(counts, components.known?.(receipt.record.worker), components.share);

  /** A worker answers one question of a peer at a time, and refuses those beside it. */
  const turns = createTurns();
  const places = createAccusationPlaces(clock);

  const apply = (one: Followed, event: AuditEvent) => {
    const before = one.state;
    const [state, effects] = reduceAudit(before, event);
    one.state = state;
    const hasMoved = state.phase !== before.phase || asksOf(state) !== asksOf(before);
    if (state.phase !== 'settled' && hasMoved) store?.write(storedOf(one, state));
    for (const effect of effects) void carryOut(one, effect);
    if (runs(before) && !runs(state)) places.free();
    if (state.phase !== 'settled') return;
    if (!isInFavour(one.counts)) outcomes.note(one.receipt.hash, state.outcome);
    if (state.outcome === 'convicted' && one.audit !== undefined)
      components.evidence?.keep({ audit: one.audit, worker: one.receipt.record.worker, frame: releasedFrame(one) });
    letGo(one.receipt.hash);
  };
  const letGo = (receipt: string) => {
    followed.delete(receipt);
    store?.forget(receipt);
  };
  /** What is released crowds out no canary. */
  const keepWithin = () => {
    const released = [...followed].filter(([, { counts }]) => !isInFavour(counts));
    if (released.length > releasedMax) letGo(leastMissed(released));
    if (followed.size > (components.followedMax ?? auditsMax)) letGo(leastMissed([...followed]));
  };
  const carryOut = async (one: Followed, effect: AuditEffect) => {
    components.onEffect(effect, one.receipt);
    try {
      if (effect.type === 'ask-beacon') await askBeacon(one, effect.round);
      else if (effect.type === 'ask-opening') await askOpening(one);
      else if (effect.type === 'score') await score(one);
    } catch (error) {
      logger.info('audit-step-failed', { step: effect.type, code: errorCode(error) });
      if (effect.type === 'ask-opening') apply(one, { type: 'opened', proof: 'fails', at: clock.now() });
    }
  };

  const askBeacon = async (one: Followed, round: number) => {
    const { type } = await beacon.value(round);
    apply(one, { type: 'beacon', result: type, at: clock.now() });
  };
  const askOpening = async (one: Followed) => {
    const { receipt, epoch, round } = one;
    const { worker } = receipt.record;
    const answers = await turns.run(worker, () =>
      ask(worker, { t: 'open-leaves', epoch: epoch!.hash, indices: [], receipts: [receipt.hash] }),
    );
    const at = clock.now();
    const isAbsent = answers.some((frame) => frame.t === 'absent' && frame.receipt === receipt.hash);
    const leaf = answers.find(
      (frame): frame is Extract<AuditFrame, { t: 'leaf' }> =>
        frame.t === 'leaf' && provesInclusion({ ...frame, receipt: receipt.hash }, epoch!.record),
    );
    const value = leaf && (await beacon.value(round!));
    if (!leaf || value?.type !== 'value')
      return apply(one, { type: 'opened', proof: isAbsent ? 'absent' : 'fails', at });
    one.leaf = leaf;
    const draw = { beacon: beacon.id, randomness: value.randomness };
    const isChosen = isPicked(draw, { root: epoch!.record.root, index: leaf.index }, shareOf(one));
    apply(one, { type: 'opened', proof: isChosen ? 'holds' : 'not-picked', at });
  };

  const score = async (one: Followed) => {
    const { receipt, shown } = one;
    const scores = await scoreShown(components.scorer, shown, receipt.record);
    const judged = scores && components.judge(scores, shown.job, receipt.record);
    if (judged) components.onScored(judged, receipt, one.counts);
    const verdict = judged?.verdict ?? 'undecided';
    const at = Math.floor(clock.now());
    // A person's question is shown to a panel where there is a reason for it, and not to test the panel.
    const mayPlant = verdict !== 'undecided' && isInFavour(one.counts);
    const planted = mayPlant ? components.plant?.(verdict, receipt.record.worker) : undefined;
    if (verdict !== 'failed' && !planted) return apply(one, { type: 'scored', verdict, at });
    if (one.state.phase !== 'opened') return;
    one.truth = planted ?? 'real';
    apply(one, { type: 'failed', at });
    await accuseInTurn();
  };

  const running = () => [...followed.values()].filter(({ state }) => runs(state)).length;
  /** Those that wait for it, the oldest first, as far as there are places. */
  const accuseInTurn = async () => {
    const begun: Promise<void>[] = [];
    for (const one of followed.values()) {
      const { state, truth } = one;
      if (state.phase === 'opened' && truth && places.has(running())) begun.push(accuse(one, truth));
    }
    await Promise.all(begun);
  };

  const leftOut = (): Pick<Accusation, 'without'> => {
    const named = components.candidates();
    const unfit = (components.unfit?.() ?? []).filter((peer) => named.some((one) => one.peer === peer));
    const without = unfit.slice(0, leftOutMaxOf(named));
    return without.length > 0 ? { without } : {};
  };

  const accuse = async (one: Followed, truth: SealTruth) => {
    const { receipt } = one;
    const at = Math.floor(clock.now());
    const audit = auditId(one.epoch!.hash, one.leaf!.index, signer.peer);
    one.audit = audit;
    one.seal = { salt: random.bytes(32), truth };
    const accusation: Accusation = {
      audit,
      accuser: signer.peer,
      epoch: one.epoch!.envelope,
      receipt: receipt.envelope,
      index: one.leaf!.index,
      path: [...one.leaf!.path],
      beacon: beacon.id,
      seal: sealOf(audit, one.seal.salt, one.seal.truth),
      accusedAt: at,
      ...leftOut(),
    };
    const terms = { accusation, receipt: receipt.record, receiptHash: receipt.hash, windows: components.trialWindows };
    apply(one, {
      type: 'scored',
      verdict: 'failed',
      trial: termsOf({ ...terms, candidates: components.candidates }),
      at,
    });
    await publish('accusation', accusation);
  };

  const ofAudit = (audit: string) => [...followed.values()].find((one) => one.audit === audit);

  return {
    /**
     * Follows a job of this peer's own, whose prompt it agrees to show to a panel. @throws `bad-request` where the receipt is not
     * of this job, this answer and this asker; `bad-signature`, `bad-record`.
     * @param released of a job that is no canary: that its asker, who may be another, lets it be checked.
     */
    follow(envelope: Envelope, shown: ShownAnswer, released?: Released): void {
      const receipt = openReceipt(envelope);
      const { budget: _, payment: __, ...job } = shown.job;
      const counts = released === undefined ? 'both' : 'against';
      const given = released === undefined || released === 'here' ? undefined : released;
      const isAskers = given ? isReleaseOf(given, receipt) : receipt.record.asker === signer.peer;
      if (!isAskers || !isReceipted(receipt.record, shown.job, shown.parts)) {
        throw new TabloomError('bad-request', 'This receipt is not of that job; follow the receipt that came with it.');
      }
      // Followed already, or over: to be released twice is no second chance.
      if (counts === 'against' && (followed.has(receipt.hash) || outcomes.of(receipt.hash))) return;
      const at = Math.floor(clock.now());
      const { worker, issuedAt, jobId, asker } = receipt.record;
      const terms = { worker, receipt: receipt.hash, issuedAt, counts, windows: components.windows } as const;
      const release =
        given ?? signAuditRecord('release', { jobId, receipt: receipt.hash, asker, releasedAt: at }, signer);
      const state = newAudit(terms, at) as Exclude<AuditState, { phase: 'settled' }>;
      const one: Followed = { receipt, shown: { ...shown, job: job as ShownAnswer['job'] }, release, counts, state };
      followed.set(receipt.hash, one);
      store?.write(storedOf(one, state));
      keepWithin();
    },
    /** Of a job that its asker has released: how far its audit has come, or what it ended with. Undefined where it is not followed. */
    progress(receipt: string): AuditProgress | undefined {
      const one = followed.get(receipt);
      if (one) return isInFavour(one.counts) ? undefined : { phase: one.state.phase };
      const outcome = outcomes.of(receipt);
      return outcome && { phase: 'settled', outcome };
    },
    /**
     * Goes on with what was followed before a restart, once the trials are where others are. @throws those of the storage.
     */
    async restore(trial: (audit: string) => Trial | undefined): Promise<void> {
      for (const { phase, at, deadline, asks, ...kept } of (await store?.read()) ?? []) {
        const { hash: receipt, record } = kept.receipt;
        const isAskers = record.asker === signer.peer || isReleaseOf(kept.release, kept.receipt);
        if (!isAskers || followed.has(receipt)) continue;
        const base = {
          terms: {
            worker: record.worker,
            receipt,
            issuedAt: record.issuedAt,
            counts: kept.counts,
            windows: components.windows,
          },
          at,
          deadline,
        };
        const known = kept.audit === undefined ? undefined : trial(kept.audit);
        const state = stateOf(phase, { base, round: kept.round, asks, trial: known?.state });
        if (!state || (phase !== 'receipted' && !kept.epoch)) {
          store?.forget(receipt);
          continue;
        }
        const one: Followed = { ...kept, state };
        followed.set(receipt, one);
        apply(one, { type: 'resumed', at: clock.now(), trial: known?.state });
      }
    },
    /** A commitment that was heard for the first time. */
    noteEpoch(epoch: OpenedEpoch): void {
      const { worker, from, until } = epoch.record;
      const { round, dueAt } = pickingRound(beacon, { until, graceMs: components.graceMs });
      for (const one of followed.values()) {
        const { record } = one.receipt;
        if (record.worker !== worker || one.state.phase !== 'receipted') continue;
        const covers = record.issuedAt >= from && record.issuedAt < until;
        if (covers) Object.assign(one, { epoch, round });
        apply(one, { type: 'epoch-committed', covers, round, dueAt, at: clock.now() });
      }
    },
    /** What happened in a trial, and what follows from it. */
    noteTrial(audit: string, event: TrialEvent): void {
      const one = ofAudit(audit);
      if (one) apply(one, event);
    },
    async unseal(audit: string): Promise<void> {
      const seal = ofAudit(audit)?.seal;
      if (seal) await publish('unsealing', { audit, accuser: signer.peer, ...seal });
    },
    tick(): void {
      for (const one of followed.values()) apply(one, { type: 'tick', at: clock.now() });
      accuseInTurn().catch((error: unknown) =>
        logger.info('audit-step-failed', { step: 'accuse', code: errorCode(error) }),
      );
    },
    /**
     * To validators that are seated, to all of them while the contract judges an appeal, for which a panel of the trial is too few,
     * and to nobody else. @throws `not-seated`.
     */
    async show(audit: string, trial: Trial | undefined, remote: PeerId): Promise<readonly AuditFrame[]> {
      const one = ofAudit(audit);
      if (one && trial?.state.seated.includes(remote)) return [releasedFrame(one)];
      const isCalled =
        components.isAppealed?.(audit) === true && components.candidates().some(({ peer }) => peer === remote);
      const kept = isCalled ? await components.evidence?.read(audit) : undefined;
      if (kept && kept.worker !== remote) return [kept.frame];
      throw new TabloomError('not-seated', 'Only validators that are seated for this audit are shown its prompt.');
    },
  };
}

const runs = (state: AuditState): boolean => state.phase === 'tried' && isRunning(state.trial);
