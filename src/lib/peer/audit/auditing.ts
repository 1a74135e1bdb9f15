import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { Net } from '#lib/net/spec.ts';
import { auditTopic } from '#lib/protocol/topics.ts';
import { encodeEnvelope, type Envelope, type Signer } from '#lib/protocol/envelope.ts';
import { limits } from '#lib/protocol/limits.ts';
import { openAuditRecord, signAuditRecord, type OpenedAuditRecord } from '#lib/trust/audit-records.ts';
import { auditWindows, type AuditEffect, type AuditWindows } from '#lib/trust/audit.ts';
import type { Beacon } from '#lib/trust/beacon.ts';
import type { OpenedEpoch } from '#lib/trust/epoch.ts';
import type { OpenedReceipt } from '#lib/trust/receipt.ts';
import { trialWindows, type Candidate, type TrialEffect, type TrialWindows } from '#lib/trust/trial-state.ts';
import type { Scorer } from '../spec.ts';
import { createAuditor, type AuditorComponents } from './auditor.ts';
import type { EpochKeeper } from './epoch-keeper.ts';
import { readHeard, validateAudits } from './heard.ts';
import { createSeenEpochs } from './seen-epochs.ts';
import { createAskAudit, createAuditDoor } from './stream.ts';
import { createTrials, type Trial } from './trials.ts';
import { createValidator, type Judge, type Judged, type PublishRecord, type ShownAnswer } from './validator.ts';

/**
 * A peer's part in audits: it hears all of them, and does what its roles are. A worker with a `keeper` commits and opens, a
 * validator with a `scorer` judges where it is seated, and whoever follows receipts of its own accuses.
 */
export interface Auditing extends Startable {
  /** As `Auditor.follow`. @throws `bad-request`, `bad-signature`, `bad-record`. */
  follow(receipt: Envelope, shown: ShownAnswer): void;
  trial(audit: string): Trial | undefined;
}

export interface AuditingComponents {
  readonly net: Net;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly beacon: Beacon;
  /** In millionths of all receipts. */
  readonly share: number;
  readonly candidates: () => readonly Candidate[];
  readonly scorer: Scorer;
  readonly judge: Judge;
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
  /** Whether this peer appeals when it is found guilty; it does by default. */
  readonly appeals?: boolean | undefined;
  /** What audits come to, for whoever routes, pays or shows it. Effects of trials come from every peer that follows them. */
  readonly onEffect: (effect: AuditOutcomeEffect) => void;
}

export type AuditOutcomeEffect =
  | { readonly of: 'trial'; readonly effect: TrialEffect; readonly trial: Trial }
  | { readonly of: 'audit'; readonly effect: AuditEffect; readonly receipt: OpenedReceipt }
  | { readonly of: 'score'; readonly judged: Judged; readonly receipt: OpenedReceipt }
  | { readonly of: 'epoch'; readonly effect: 'committed'; readonly epoch: OpenedEpoch }
  | { readonly of: 'epoch'; readonly effect: 'equivocation'; readonly one: OpenedEpoch; readonly other: OpenedEpoch };

const tickMsDefault = 30_000;
export const epochMsDefault = 3_600_000;

export function createAuditing(components: AuditingComponents): Auditing {
  const { net, signer, clock, logger, keeper, onEffect } = components;
  const { epochMs = epochMsDefault, graceMs = limits.epochGraceMs, tickMs = tickMsDefault } = components;
  const { windows = auditWindows, trialWindows: ofTrials = trialWindows } = components;
  const ask = createAskAudit({ net, clock });
  const seen = createSeenEpochs((one, other) => onEffect({ of: 'epoch', effect: 'equivocation', one, other }));

  const send = async (envelope: Envelope) => {
    try {
      await net.publish(auditTopic, encodeEnvelope(envelope));
    } catch (error) {
      logger.info('audit-not-published', { type: envelope.type, code: errorCode(error) });
    }
  };
  /** What is said to all is heard here too, in the same way. */
  const publish: PublishRecord = async (type, record) => {
    const envelope = signAuditRecord(type, record as never, signer);
    hear(openAuditRecord(envelope));
    await send(envelope);
  };
  const validator = createValidator({ ...components, ask, publish });
  const auditor = createAuditor({
    ...components,
    windows,
    trialWindows: ofTrials,
    graceMs,
    ask,
    publish,
    onEffect: (effect, receipt) => onEffect({ of: 'audit', effect, receipt }),
    onScored: (judged, receipt) => onEffect({ of: 'score', judged, receipt }),
  });
  const trials = createTrials({
    ...components,
    windows: ofTrials,
    graceMs,
    seenAt: seen.seenAt,
    onEvent: auditor.noteTrial,
    onEffect: (effect, trial) => {
      onEffect({ of: 'trial', effect, trial });
      // What follows may be said to all, and so be heard here again: not before this step is whole.
      void Promise.resolve()
        .then(() => follow(effect, trial))
        .catch((error: unknown) => logger.warn('audit-failed', { code: errorCode(error) }));
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

  const hear = (opened: OpenedAuditRecord) => trials.take(opened);
  const hearEpoch = (epoch: OpenedEpoch) => {
    const isFirst = seen.seenAt(epoch.hash) === undefined;
    const refusal = seen.note(epoch, clock.now());
    if (!isFirst || refusal === 'equivocation' || refusal === 'stale-epoch') return;
    onEffect({ of: 'epoch', effect: 'committed', epoch });
    auditor.noteEpoch(epoch);
  };

  /** Epochs end at whole multiples of their length, so that their rounds of the beacon can be known. */
  const commit = async () => {
    const until = Math.floor(clock.now() / epochMs) * epochMs;
    const epoch = await keeper?.commit(until);
    if (!epoch) return;
    hearEpoch(epoch);
    await send(epoch.envelope);
  };
  const step = async () => {
    try {
      await commit();
    } catch (error) {
      logger.warn('epoch-not-committed', { code: errorCode(error) });
    }
    await trials.tick();
    auditor.tick();
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
    trial: trials.get,
    async start() {
      if (life) return;
      life = new AbortController();
      unsubscribe = net.subscribe(auditTopic, {
        validate: validateAudits(clock),
        deliver(message) {
          const heard = readHeard(message);
          if (heard && 'epoch' in heard) hearEpoch(heard.epoch);
          else if (heard) hear(heard.opened);
        },
      });
      await door.start();
      void loop(life.signal);
    },
    async stop() {
      unsubscribe?.();
      life?.abort();
      await door.stop();
      life = unsubscribe = undefined;
    },
  };
}
