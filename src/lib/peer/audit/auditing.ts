import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { Net } from '#lib/net/spec.ts';
import type { Verdict } from '#lib/protocol/audit.ts';
import { auditTopic } from '#lib/protocol/topics.ts';
import { encodeEnvelope, type Envelope, type Signer } from '#lib/protocol/envelope.ts';
import { limits } from '#lib/protocol/limits.ts';
import { signAuditRecord } from '#lib/trust/audit-records.ts';
import type { AuditCounts } from '#lib/trust/audit-share.ts';
import { auditWindows, type AuditEffect, type AuditWindows } from '#lib/trust/audit.ts';
import type { Beacon } from '#lib/trust/beacon.ts';
import type { OpenedEpoch } from '#lib/trust/epoch.ts';
import type { OpenedReceipt } from '#lib/trust/receipt.ts';
import { trialWindows, type Candidate, type TrialEffect, type TrialWindows } from '#lib/trust/trial-state.ts';
import type { Scorer } from '../spec.ts';
import { createAuditor, type AuditorComponents } from './auditor.ts';
import type { EpochKeeper } from './epoch-keeper.ts';
import { readHeard, validateAudits, type Heard } from './heard.ts';
import type { AuditJournal } from './journal.ts';
import type { AuditProgress, Released } from './released-jobs.ts';
import { createSeenEpochs } from './seen-epochs.ts';
import { createAskAudit, createAuditDoor } from './stream.ts';
import { createTrials, type Trial } from './trials.ts';
import {
  createValidator,
  type AppealedAnswer,
  type Judge,
  type Judged,
  type PublishRecord,
  type ShownAnswer,
} from './validator.ts';

/**
 * A peer's part in audits: it hears all of them, and does what its roles are. A worker with a `keeper` commits and opens, a
 * validator with a `scorer` judges where it is seated, and whoever follows receipts of its own accuses.
 */
export interface Auditing extends Startable {
  /** As `Auditor.follow`. @throws `bad-request`, `bad-signature`, `bad-record`. */
  follow(receipt: Envelope, shown: ShownAnswer, released?: Released): void;
  /** As `Auditor.progress`: of a receipt, by its hash. */
  progress(receipt: string): AuditProgress | undefined;
  trial(audit: string): Trial | undefined;
  /** Of a validator: its own finding, for the contract. @throws `refused-policy` where it is not shown, `bad-request`, those of the net. */
  judgeAppealed(answer: AppealedAnswer): Promise<Verdict>;
}

export interface AuditingComponents {
  readonly net: Net;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly beacon: Beacon;
  /** Of the receipts of those that are known, in millionths. */
  readonly share: number;
  readonly known?: AuditorComponents['known'];
  readonly candidates: () => readonly Candidate[];
  readonly scorer: Scorer;
  /** Of panels, whose members have to come to the same. */
  readonly judge: Judge;
  /** Of an auditor, for what it follows; as panels judge by default. */
  readonly ownJudge?: Judge | undefined;
  /** Of the scorer, for reveals. */
  readonly engine: string;
  readonly keeper?: EpochKeeper | undefined;
  /** How often a worker commits. */
  readonly epochMs?: number | undefined;
  /** `limits.epochGraceMs`, on which all peers of a network agree, unless it is one of its own. */
  readonly graceMs?: number | undefined;
  /** How often time is looked at. */
  readonly tickMs?: number | undefined;
  readonly windows?: AuditWindows | undefined;
  readonly trialWindows?: TrialWindows | undefined;
  readonly plant?: AuditorComponents['plant'];
  readonly unfit?: AuditorComponents['unfit'];
  readonly followedMax?: AuditorComponents['followedMax'];
  /** Of a validator or an auditor: what it goes on from after a restart. */
  readonly journal?: AuditJournal | undefined;
  /** Of an auditor: the receipts that it follows. */
  readonly followStore?: AuditorComponents['followStore'];
  readonly evidence?: AuditorComponents['evidence'];
  readonly isAppealed?: AuditorComponents['isAppealed'];
  /** Whether this peer appeals when it is found guilty; it does by default. */
  readonly appeals?: boolean | undefined;
  /** What audits come to, for whoever routes, pays or shows it. Effects of trials come from every peer that follows them. */
  readonly onEffect: (effect: AuditOutcomeEffect) => void;
}

export type AuditOutcomeEffect =
  | { readonly of: 'trial'; readonly effect: TrialEffect; readonly trial: Trial }
  | { readonly of: 'audit'; readonly effect: AuditEffect; readonly receipt: OpenedReceipt }
  | { readonly of: 'score'; readonly judged: Judged; readonly receipt: OpenedReceipt; readonly counts: AuditCounts }
  | { readonly of: 'epoch'; readonly effect: 'committed'; readonly epoch: OpenedEpoch }
  | { readonly of: 'epoch'; readonly effect: 'equivocation'; readonly one: OpenedEpoch; readonly other: OpenedEpoch };

export const tickMsDefault = 30_000;
export const epochMsDefault = 3_600_000;

export function createAuditing(components: AuditingComponents): Auditing {
  const { net, signer, clock, logger, keeper, onEffect } = components;
  const { epochMs = epochMsDefault, graceMs = limits.epochGraceMs, tickMs = tickMsDefault } = components;
  const { windows = auditWindows, trialWindows: ofTrials = trialWindows } = components;
  const ask = createAskAudit({ net, clock });
  const seen = createSeenEpochs((one, other) => onEffect({ of: 'epoch', effect: 'equivocation', one, other }));

  /** What is said to all is heard here too, in the same way. */
  const send = async (envelope: Envelope) => {
    const message = encodeEnvelope(envelope);
    hear(message);
    try {
      await net.publish(auditTopic, message);
    } catch (error) {
      logger.info('audit-not-published', { type: envelope.type, code: errorCode(error) });
    }
  };
  const publish: PublishRecord = (type, record) => send(signAuditRecord(type, record as never, signer));
  const validator = createValidator({ ...components, ask, publish });
  const auditor = createAuditor({
    ...components,
    judge: components.ownJudge ?? components.judge,
    windows,
    trialWindows: ofTrials,
    graceMs,
    ask,
    publish,
    onEffect: (effect, receipt) => onEffect({ of: 'audit', effect, receipt }),
    onScored: (judged, receipt, counts) => onEffect({ of: 'score', judged, receipt, counts }),
  });
  const trials = createTrials({
    ...components,
    windows: ofTrials,
    graceMs,
    seenAt: seen.seenAt,
    onEvent: auditor.noteTrial,
    onEffect: (effect, trial) => {
      onEffect({ of: 'trial', effect, trial });
      if (replayed) return replayed.note(effect, trial);
      // What follows may be said to all, and so be heard here again: not before this step is whole.
      void Promise.resolve().then(() => followSafely(effect, trial));
    },
  });

  const follow = async (effect: TrialEffect, trial: Trial) => {
    const { audit, accuser } = trial.accusation;
    if (effect.type === 'ask-seal' && accuser === signer.peer) return auditor.unseal(audit);
    const isOwnConviction = effect.type === 'derank' && effect.worker === signer.peer;
    if (isOwnConviction && components.appeals !== false)
      return publish('appeal', { audit, worker: signer.peer, appealedAt: Math.floor(clock.now()) });
    return validator.take(effect, trial);
  };

  const followSafely = async (effect: TrialEffect, trial: Trial) => {
    try {
      await follow(effect, trial);
    } catch (error) {
      logger.warn('audit-failed', { code: errorCode(error) });
    }
  };

  const hear = (message: Uint8Array) => {
    const heard = readHeard(message);
    if (!heard) return;
    components.journal?.append(message);
    take(heard, clock.now());
    if ('epoch' in heard || heard.opened.type !== 'reveal') return;
    const { record } = heard.opened;
    void validator
      .noteReveal(record, trials.get(record.audit))
      .catch((error: unknown) => logger.warn('audit-failed', { code: errorCode(error) }));
  };
  const take = (heard: Heard, at: number) => {
    if (heard && 'epoch' in heard) hearEpoch(heard.epoch, at);
    else if (heard) trials.take(heard.opened, at);
  };
  const hearEpoch = (epoch: OpenedEpoch, at: number) => {
    const isFirst = seen.seenAt(epoch.hash) === undefined;
    const refusal = seen.note(epoch, at);
    if (!isFirst || refusal === 'equivocation' || refusal === 'stale-epoch') return;
    onEffect({ of: 'epoch', effect: 'committed', epoch });
    auditor.noteEpoch(epoch);
  };

  /** Epochs end at whole multiples of their length, so that their rounds of the beacon can be known. */
  const commit = async () => {
    const until = Math.floor(clock.now() / epochMs) * epochMs;
    const epoch = await keeper?.commit(until);
    if (epoch) await send(epoch.envelope);
  };
  const step = async () => {
    try {
      await commit();
    } catch (error) {
      logger.warn('epoch-not-committed', { code: errorCode(error) });
    }
    await trials.tick(clock.now());
    auditor.tick();
  };

  /** While it lasts, trials run as they ran before, and what they ask for is not done again. */
  let replayed: ReturnType<typeof createReplay> | undefined;
  const resume = async () => {
    if (!components.journal) return [];
    validator.restore(await components.journal.votes());
    replayed = createReplay();
    for (const { at, message } of await components.journal.heard()) {
      await trials.tick(at);
      take(readHeard(message), at);
    }
    // What was accused last has begun only now.
    await trials.tick(clock.now());
    const open = replayed.open(trials.get);
    replayed = undefined;
    return open;
  };

  const door = createAuditDoor({
    net,
    clock,
    logger,
    async answer(request, remote) {
      if (request.t === 'show') return auditor.show(request.audit, trials.get(request.audit), remote);
      if (!keeper) throw new TabloomError('epoch-unknown', 'This peer commits to no epochs; ask a worker.');
      return keeper.open(request);
    },
  });

  let life: AbortController | undefined;
  let unsubscribe: (() => void) | undefined;
  const loop = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      await step();
      await clock.delay(tickMs, { signal }).catch(() => undefined);
    }
  };

  return {
    follow: auditor.follow,
    progress: auditor.progress,
    trial: trials.get,
    judgeAppealed: validator.judgeAppealed,
    async start() {
      if (life) return;
      life = new AbortController();
      const { signal } = life;
      const open = await resume();
      await auditor.restore(trials.get);
      if (signal.aborted) return;
      unsubscribe = net.subscribe(auditTopic, {
        validate: validateAudits(clock),
        deliver: hear,
      });
      await door.start();
      void loop(signal);
      for (const { effect, trial } of open) void followSafely(effect, trial);
    },
    async stop() {
      unsubscribe?.();
      life?.abort();
      await door.stop();
      life = unsubscribe = undefined;
    },
  };
}

const isToDo: ReadonlySet<TrialEffect['type']> = new Set(['seat', 'call-reveals', 'ask-seal', 'derank']);

/** The last thing that each trial asked for while it was replayed, and has not been done for certain. */
function createReplay() {
  const last = new Map<string, { readonly effect: TrialEffect; readonly trial: Trial }>();
  return {
    note(effect: TrialEffect, trial: Trial) {
      if (isToDo.has(effect.type)) last.set(trial.accusation.audit, { effect, trial });
    },
    open: (get: (audit: string) => Trial | undefined) =>
      [...last].flatMap(([audit, { effect }]) => {
        const trial = get(audit);
        return trial && trial.state.phase !== 'settled' ? [{ effect, trial }] : [];
      }),
  };
}
