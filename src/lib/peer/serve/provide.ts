import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { fromErrorRecord, type ErrorRecord, type TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { ewma } from '#lib/base/mean.ts';
import { createNotifier } from '#lib/base/notifier.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { filesOf, type Job, type Tier } from '#lib/protocol/job.ts';
import { jobKinds, type KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import { partTokens } from '#lib/protocol/output.ts';
import { boughtPriority } from '#lib/trust/priority.ts';
import { chargeFor, checkAdmission, jobRefusal, type JobRefusal, type Policy } from './admit.ts';
import { createChannelPermits } from './channel-permits.ts';
import type { AnswerStore } from './answer-store.ts';
import { createJobRecords, firstToken, jobFingerprint, jobRecordLimits, type JobRecord } from './job-records.ts';
import type { ReceiptBook } from '../receipt-book.ts';
import { addJob, etaMs, isBroken, leastPrice, scoreBesideJobs, type ServedModel } from './served-model.ts';
import { createModelShelf, type ModelShelfComponents } from './model-shelf.ts';
import { ownersPriority } from './slot-queue.ts';
import { createWorkSums, type JobOutcome } from './work-sums.ts';
import { answerOf } from '../session/ended-session.ts';
import { refuseUnread, serveChannel } from '../session/serve-channel.ts';
import { createWorkerSession, type WorkerSession } from '../session/worker-runner.ts';
import type { Charge } from '../session/worker-account.ts';
import { createZones } from '../zones.ts';
import type { Provider, ProviderState } from '../spec.ts';

export interface ProviderComponents extends ModelShelfComponents {
  readonly net: Net;
  readonly book: ReceiptBook;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `['open']` by default. */
  readonly tiers?: readonly Tier[] | undefined;
  /** Kinds of work that are read; those of the protocol by default. */
  readonly kinds?: KindTable | undefined;
  /** Whether another peer pays nothing, whatever the price. */
  readonly isExempt?: ((asker: PeerId) => boolean) | undefined;
  /** Refuses jobs that could be served. */
  readonly policy?: Policy | undefined;
  /** Jobs one asker may have here at once; a gateway asks for many users under one key. */
  readonly jobsPerPeerMax?: ((peer: PeerId) => number) | undefined;
  /** An asker's place in the queue, see `trust/priority.ts`; 0, a stranger's, by default. This device itself comes first. */
  readonly priority?: ((asker: PeerId) => number) | undefined;
  /** Whether a job of another peer is the owner's all the same: it comes first, and may take slots that are reserved. */
  readonly isOwners?: ((job: Job, asker: PeerId) => boolean) | undefined;
  /** Whether somebody pays for a job of another peer by other means than a channel: it comes before strangers. */
  readonly isBought?: ((job: Job, asker: PeerId) => boolean) | undefined;
  /** Keeps finished answers for askers that come again after a restart; without it they are kept in memory. */
  readonly answers?: AnswerStore | undefined;
  /** The model is no longer served because its engine is broken: load it again and offer it anew. */
  readonly onModelFailed?: ((artefact: ArtefactId, error: TabloomError) => void) | undefined;
}

/** Time at a stop for the last frames to be sent. */
const closingMs = 1_000;
/** The state is emitted as answers grow, but no more often than this. */
const emitGapMs = 250;

/** It was stopped because its asker was lost: an asker that comes back is served anew. */
const wasAbandoned = ({ session: { state } }: JobRecord): boolean =>
  state.ending?.t === 'finish' && state.ending.reason === 'cancelled' && state.stopped?.code === 'peer-lost';

/** Serves `/tabloom/job/2` with loaded models. A failing job or a hostile asker affects no other job. */
export function createProvider(components: ProviderComponents): Provider {
  const {
    net,
    book,
    clock,
    logger,
    answers,
    till,
    tiers = ['open'],
    policy = () => undefined,
    kinds = jobKinds,
  } = components;
  const perPeerMax = components.jobsPerPeerMax ?? (() => limits.jobsPerPeerMax);
  const priority = (asker: PeerId, job: Job) =>
    asker === net.self || components.isOwners?.(job, asker)
      ? ownersPriority
      : Math.max(components.priority?.(asker) ?? 0, components.isBought?.(job, asker) ? boughtPriority : 0);
  const shelf = createModelShelf(components, () => emitState());
  const records = createJobRecords(clock, jobRecordLimits, (record) => answers?.drop(record));
  const changes = createEmitter<ProviderState>((error) => logger.warn('listener-failed', { error: String(error) }));
  const jobEnded = createNotifier();
  const zones = createZones(net, clock);
  const permits = createChannelPermits();
  const sums = createWorkSums((artefact) => shelf.get(artefact) !== undefined);
  const fileBytesOf = new Map<PeerId, number>();
  let phase: ProviderState['phase'] = 'stopped';
  let stopping = new AbortController();
  let stopped = new AbortController();
  const serving = new Set<Promise<void>>();
  const channels = new Set<Channel>();
  let endHandling: (() => void) | undefined;
  let emittedMs = 0;

  const total = (count: (served: ServedModel) => number) => shelf.all().reduce((sum, one) => sum + count(one), 0);
  const state = (): ProviderState => ({
    phase,
    models: shelf.listed(),
    running: total(({ queue }) => queue.own.running),
    queued: total(({ queue }) => queue.own.waiting),
    ...sums.total,
  });
  const emitState = () => {
    emittedMs = clock.elapsed();
    changes.emit(state());
  };

  const accept = (asker: PeerId, job: Job): WorkerSession | JobRefusal => {
    const known = records.find(asker, job);
    if (known) {
      if (known.fingerprint === jobFingerprint(job)) return known.session;
      return jobRefusal('bad-request', 'This job id belongs to another job already. Choose a new one.');
    }
    const admitted = admit(asker, job);
    if ('code' in admitted) {
      sums.refused(job.artefact);
      emitState();
    }
    return admitted;
  };

  const admit = (asker: PeerId, job: Job): WorkerSession | JobRefusal => {
    if (phase !== 'serving') return jobRefusal('draining');
    const served = shelf.get(job.artefact);
    const refused = checkAdmission(job, asker, { self: net.self, served, tiers, policy, kinds });
    if (refused || !served) return refused ?? jobRefusal('model-not-here');
    // The asker resumes from a later token: its earlier session has no reader any more, and its place goes to this one.
    const replaced = records.liveOf(asker, job.id);
    if (records.openOf(asker) - replaced.length >= perPeerMax(asker)) {
      return jobRefusal('busy', 'You have too many jobs here at once. Wait for one to end.', etaMs(served, 1));
    }
    for (const { session } of replaced) session.stop(wireError('peer-lost', 'The asker resumed this job.'));
    if (!served.queue.hasRoom(priority(asker, job)))
      return jobRefusal('busy', undefined, etaMs(served, served.queue.waiting));
    const files = fileBytes(job);
    if (files + (fileBytesOf.get(asker) ?? 0) > limits.blobBytesPerPeerMax) {
      return jobRefusal('busy', 'You have too many files here at once. Wait for a job to end.', etaMs(served, 1));
    }
    // This device does not pay itself.
    const pays = asker !== net.self && components.isExempt?.(asker) !== true;
    const charge = pays ? chargeFor(job, leastPrice(served, clock.elapsed()), kinds) : undefined;
    if (charge && 'code' in charge) return charge;
    return begin(asker, job, served, charge);
  };

  const begin = (asker: PeerId, job: Job, served: ServedModel, charge?: Charge): WorkerSession => {
    const bytes = fileBytes(job);
    countFiles(asker, bytes);
    let record: JobRecord | undefined;
    let outcome: JobOutcome | undefined;
    const wrote = sums.writing(job.artefact);
    const session = createWorkerSession(job, asker, {
      clock,
      book,
      kinds,
      model: served.model,
      paid: charge && till && { charge, till },
      enterQueue: (listener) => served.queue.enter(listener, priority(asker, job), zones.zone(asker) ?? asker),
      etaMs: (position) => etaMs(served, position),
      expectedPlace: () => served.queue.placeFor(priority(asker, job), zones.zone(asker) ?? asker),
      onPart: (part) => {
        wrote(partTokens(part));
        if (clock.elapsed() - emittedMs >= emitGapMs) emitState();
      },
      onOver: (over) => {
        countFiles(asker, -bytes);
        outcome = over;
        if (record) served.jobs.delete(record.session);
        if (record) finalize(served, record, over);
      },
    });
    const openedAt = clock.now();
    record = { asker, jobId: job.id, fromToken: firstToken(job), fingerprint: jobFingerprint(job), openedAt, session };
    records.add(record);
    if (!outcome) served.jobs.set(session, asker);
    // The session ended before it had a record.
    if (outcome) finalize(served, record, outcome);
    return session;
  };

  const fileBytes = (job: Job): number => filesOf(job, kinds).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const countFiles = (asker: PeerId, bytes: number) => {
    const sum = (fileBytesOf.get(asker) ?? 0) + bytes;
    if (sum > 0) fileBytesOf.set(asker, sum);
    else fileBytesOf.delete(asker);
  };

  const finalize = (served: ServedModel, record: JobRecord, outcome: JobOutcome) => {
    sums.ended(served.model.model.artefact, outcome);
    if (outcome.type === 'done') {
      const { usage, timings, reason } = outcome.result;
      served.failedFor = [];
      served.jobMs = ewma(served.jobMs, outcome.busyMs);
      if (reason !== 'cancelled') served.measured = addJob(served.measured, usage, timings);
    } else if (outcome.type === 'failed') noteFailure(served, record, outcome.error);
    const isKept = record.session.state.ending?.t !== 'refused' && !wasAbandoned(record);
    if (isKept) {
      answers?.save(record);
      records.close(record, answerOf(record.session));
    } else records.forget(record);
    emitState();
    jobEnded.notify();
  };

  const noteFailure = (served: ServedModel, record: JobRecord, error: ErrorRecord) => {
    if (error.code !== 'engine-failed' && error.code !== 'internal') return;
    const engineCode = String(error.details?.['engineCode'] ?? error.code);
    const { artefact } = served.model.model;
    served.failedFor = [...served.failedFor, record.asker].slice(-8);
    logger.warn('engine-failed', { artefact, code: engineCode });
    if (!isBroken(served, engineCode) || shelf.get(artefact) !== served) return;
    shelf.remove(served);
    components.onModelFailed?.(artefact, fromErrorRecord(error));
  };

  const handle = async (channel: Channel) => {
    const peer = channel.remote;
    // Two channels a job, since an asker may open a second one before the first is known to be gone.
    const permit = permits.take(peer, perPeerMax(peer) * 2 + 2);
    if (permit.type === 'drop') return channel.abort(wireError('busy'));
    try {
      if (permit.type === 'refuse') return await refuseUnread(channel, clock);
      await serveChannel(channel, {
        clock,
        kinds,
        accept,
        stopping: stopping.signal,
        stopped: stopped.signal,
        onCountersign: ({ state: { ending } }, envelope) => {
          if (ending?.t === 'finish') book.acknowledge(ending.receipt, envelope);
        },
      });
    } finally {
      permit.release();
    }
  };

  const provider: Provider = {
    get state() {
      return state();
    },
    scorer: {
      has: (artefact) => shelf.get(artefact)?.model.score !== undefined,
      score: (artefact, request, answer) => scoreBesideJobs(shelf.get(artefact), request, answer),
    },
    onState: changes.listen,
    servedModels(audience) {
      const stated = phase === 'stopped' ? undefined : shelf.stated(audience);
      return stated && { draining: phase !== 'serving', ...stated };
    },
    offerModel(model, options) {
      shelf.put(model, options);
      emitState();
    },
    work(artefact) {
      const own = shelf.get(artefact)?.queue.own;
      return { ...sums.of(artefact), running: own?.running ?? 0, queued: own?.waiting ?? 0 };
    },
    async dismiss(artefact) {
      const jobs = shelf.get(artefact)?.jobs ?? new Map<WorkerSession, PeerId>();
      const others = [...jobs].flatMap(([session, asker]) => (asker === net.self ? [] : [session]));
      for (const session of others) session.stop(wireError('draining'));
      while (others.some((session) => jobs.has(session))) await jobEnded.wait();
    },
    withdrawModel(artefact) {
      const served = shelf.get(artefact);
      if (!served) return;
      shelf.remove(served);
      emitState();
    },
    withSlot: shelf.withSlot,
    pause() {
      if (phase !== 'serving') return;
      phase = 'paused';
      emitState();
    },
    resume() {
      if (phase !== 'paused') return;
      phase = 'serving';
      emitState();
    },
    async drain({ signal } = {}) {
      if (phase === 'stopped') return;
      phase = 'draining';
      emitState();
      const finished = async () => {
        while (records.live().length > 0) await jobEnded.wait({ signal });
      };
      await finished().catch(() => undefined);
      await provider.stop();
    },
    abandon() {
      if (phase === 'stopped') return;
      phase = 'paused';
      for (const channel of channels) channel.abort(wireError('peer-lost'));
      emitState();
    },
    async start() {
      if (phase !== 'stopped') return;
      stopping = new AbortController();
      stopped = new AbortController();
      for (const record of (await answers?.load()) ?? []) records.restore(record);
      phase = 'serving';
      endHandling = net.handle(jobProtocol, (channel) => {
        const served = handle(channel);
        serving.add(served);
        channels.add(channel);
        return served.finally(() => {
          serving.delete(served);
          channels.delete(channel);
        });
      });
      emitState();
    },
    async stop() {
      if (phase === 'stopped') return;
      endHandling?.();
      endHandling = undefined;
      phase = 'stopped';
      stopping.abort(wireError('draining'));
      for (const { session } of records.live()) session.stop(wireError('draining'));
      while (records.live().length > 0) await jobEnded.wait();
      await withTimeout(Promise.allSettled(serving), clock, closingMs).catch(() => undefined);
      stopped.abort(wireError('draining'));
      await answers?.settled();
      emitState();
    },
  };
  return provider;
}
