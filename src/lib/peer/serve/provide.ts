import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { fromErrorRecord, TabloomError, type ErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { filesOf, type Job, type Tier } from '#lib/protocol/job.ts';
import { jobKinds, type KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import { partTokens } from '#lib/protocol/output.ts';
import { refusal, refuse, type Policy, type Refusal } from './admit.ts';
import { createBell } from '../bell.ts';
import { createChannelPlaces } from './channel-places.ts';
import { createJobRecords, firstToken, jobFingerprint, type JobRecord } from './job-records.ts';
import { withDuration, withJob } from './measure.ts';
import type { ReceiptBook } from '../receipt-book.ts';
import { createServedModel, etaMs, isBroken, toOffered, type ServedModel } from './served-model.ts';
import { refuseUnread, serveChannel } from '../session/serve-channel.ts';
import { createWorkerSession, type WorkerSession } from '../session/worker-runner.ts';
import type { WorkOutcome } from '../session/worker.ts';
import type { Provider, ProviderState } from '../spec.ts';

export interface ProviderComponents {
  readonly net: Net;
  readonly book: ReceiptBook;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `['open']` unless said otherwise. */
  readonly tiers?: readonly Tier[] | undefined;
  /** Kinds of work that are read; those of the protocol unless said otherwise. */
  readonly kinds?: KindTable | undefined;
  /** What is not served, beside what cannot be. */
  readonly policy?: Policy | undefined;
  /** Jobs one asker may have here at once; a gateway asks for many people under one key. */
  readonly jobsPerPeerMax?: ((peer: PeerId) => number) | undefined;
  /** A model that was taken off the shelf because its engine is broken: load it again and offer it anew. */
  readonly onModelFailed?: ((artefact: ArtefactId, error: TabloomError) => void) | undefined;
}

type Settled = WorkOutcome & { readonly busyMs: number };

/** At a stop, for the frames that close what ran. */
const lastWordsMs = 1_000;
/** Running answers are shown as they grow, but no more often than this. */
const tellGapMs = 250;

const isSameEngine = ({ engine: a }: LoadedModel, { engine: b }: LoadedModel): boolean =>
  a.name === b.name && a.build === b.build && a.deviceClass === b.deviceClass;

/** Ended for want of an asker: nobody has this answer, so that whoever comes back for it is served anew. */
const wasDeserted = ({ session: { state } }: JobRecord): boolean =>
  state.ending?.t === 'finish' && state.ending.reason === 'cancelled' && state.stopped?.code === 'peer-lost';

/** Serves `/tabloom/job/2` out of loaded models. One bad job or asker never harms another. */
export function createProvider(components: ProviderComponents): Provider {
  const { net, book, clock, logger, tiers = ['open'], policy = () => undefined, kinds = jobKinds } = components;
  const perPeerMax = components.jobsPerPeerMax ?? (() => limits.jobsPerPeerMax);
  const shelf = new Map<ArtefactId, ServedModel>();
  const records = createJobRecords(clock);
  const changes = createEmitter<ProviderState>((error) => logger.warn('listener-failed', { error: String(error) }));
  const settled = createBell();
  const places = createChannelPlaces();
  const counters = { jobsDone: 0, jobsFailed: 0, jobsRefused: 0, tokensOut: 0, tokensIn: 0, busyMs: 0 };
  const fileBytesOf = new Map<PeerId, number>();
  let decodeTps: number | undefined;
  let phase: ProviderState['phase'] = 'stopped';
  let stopping = new AbortController();
  let stopped = new AbortController();
  const serving = new Set<Promise<void>>();
  let endHandling: (() => void) | undefined;
  let toldMs = 0;

  const total = (count: (served: ServedModel) => number) =>
    [...shelf.values()].reduce((sum, one) => sum + count(one), 0);
  const state = (): ProviderState => ({
    phase,
    models: [...shelf.values()].map(({ model, audience }) => ({
      artefact: model.model.artefact,
      name: model.model.name,
      audience,
    })),
    running: total(({ queue }) => queue.running),
    queued: total(({ queue }) => queue.waiting),
    ...counters,
    decodeTps,
  });
  const tell = () => {
    toldMs = clock.elapsed();
    changes.emit(state());
  };

  const accept = (asker: PeerId, job: Job): WorkerSession | Refusal => {
    const known = records.find(asker, job);
    if (known) {
      if (known.fingerprint === jobFingerprint(job)) return known.session;
      return refusal('bad-request', 'This job id stands for another job already. Choose a new one.');
    }
    const taken = take(asker, job);
    if ('code' in taken) {
      counters.jobsRefused += 1;
      tell();
    }
    return taken;
  };

  const take = (asker: PeerId, job: Job): WorkerSession | Refusal => {
    if (phase !== 'serving') return refusal('draining');
    const served = shelf.get(job.artefact);
    const refused = refuse(job, asker, { self: net.self, served, tiers, policy, kinds });
    if (refused || !served) return refused ?? refusal('model-not-here');
    // The asker goes on from a later token: what it left behind has no reader any more, and its place is this job's.
    const left = records.liveOf(asker, job.id);
    if (records.openOf(asker) - left.length >= perPeerMax(asker)) {
      return refusal('busy', 'Too many jobs of yours are here at once. Wait for one to end.', etaMs(served, 1));
    }
    for (const { session } of left) session.stop(wireError('peer-lost', 'The asker resumed this job.'));
    if (!served.queue.hasRoom) return refusal('busy', undefined, etaMs(served, served.queue.waiting));
    const files = fileBytes(job);
    if (files + (fileBytesOf.get(asker) ?? 0) > limits.blobBytesPerPeerMax) {
      return refusal('busy', 'Too many files of yours are here at once. Wait for a job to end.', etaMs(served, 1));
    }
    return begin(asker, job, served);
  };

  const begin = (asker: PeerId, job: Job, served: ServedModel): WorkerSession => {
    const bytes = fileBytes(job);
    countFiles(asker, bytes);
    let record: JobRecord | undefined;
    let outcome: Settled | undefined;
    const session = createWorkerSession(job, asker, {
      clock,
      book,
      kinds,
      model: served.model,
      enterQueue: served.queue.enter,
      etaMs: (position) => etaMs(served, position),
      expectedPlace: () => (served.queue.running < served.model.slots ? 0 : served.queue.waiting + 1),
      onPart: (part) => {
        counters.tokensOut += partTokens(part);
        if (clock.elapsed() - toldMs >= tellGapMs) tell();
      },
      onOver: (over) => {
        countFiles(asker, -bytes);
        outcome = over;
        if (record) settle(served, record, over);
      },
    });
    const openedAt = clock.now();
    record = { asker, jobId: job.id, fromToken: firstToken(job), fingerprint: jobFingerprint(job), openedAt, session };
    records.add(record);
    // Over before it was remembered.
    if (outcome) settle(served, record, outcome);
    return session;
  };

  const fileBytes = (job: Job): number => filesOf(job, kinds).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const countFiles = (asker: PeerId, bytes: number) => {
    const sum = (fileBytesOf.get(asker) ?? 0) + bytes;
    if (sum > 0) fileBytesOf.set(asker, sum);
    else fileBytesOf.delete(asker);
  };

  const settle = (served: ServedModel, record: JobRecord, outcome: Settled) => {
    if (outcome.type === 'done') {
      const { usage, timings, reason } = outcome.result;
      counters.tokensIn += usage.tokensIn;
      counters.busyMs += outcome.busyMs;
      served.failedFor = [];
      served.jobMs = withDuration(served.jobMs, outcome.busyMs);
      if (reason !== 'cancelled') {
        counters.jobsDone += 1;
        served.measured = withJob(served.measured, usage, timings);
        decodeTps = timings.decodeMs > 0 ? ((usage.tokensOut - 1) * 1_000) / timings.decodeMs : decodeTps;
      }
    } else if (outcome.type === 'failed') {
      counters.jobsFailed += 1;
      counters.busyMs += outcome.busyMs;
      blame(served, record, outcome.error);
    }
    records.close(record);
    if (record.session.state.ending?.t === 'refused' || wasDeserted(record)) records.forget(record);
    tell();
    settled.ring();
  };

  const blame = (served: ServedModel, record: JobRecord, error: ErrorRecord) => {
    if (error.code !== 'engine-failed' && error.code !== 'internal') return;
    const engineCode = String(error.details?.['engineCode'] ?? error.code);
    const { artefact } = served.model.model;
    served.failedFor = [...served.failedFor, record.asker].slice(-8);
    logger.warn('engine-failed', { artefact, code: engineCode });
    if (!isBroken(served, engineCode) || shelf.get(artefact) !== served) return;
    remove(served);
    components.onModelFailed?.(artefact, fromErrorRecord(error));
  };

  const remove = (served: ServedModel) => {
    shelf.delete(served.model.model.artefact);
    served.queue.dismissWaiting();
  };

  const handle = async (channel: Channel) => {
    const peer = channel.remote;
    // Room for every job twice, since an asker may come again for one before its first channel is known to be gone.
    const place = places.take(peer, perPeerMax(peer) * 2 + 2);
    if (place.type === 'none') return channel.abort(wireError('busy'));
    try {
      if (place.type === 'refused') return await refuseUnread(channel, clock);
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
      place.leave();
    }
  };

  const provider: Provider = {
    get state() {
      return state();
    },
    onState: changes.listen,
    shelf(audience) {
      const models = [...shelf.values()].filter((served) => audience === 'self' || served.audience === 'network');
      const [first] = models;
      if (!first || phase === 'stopped') return undefined;
      return { draining: phase !== 'serving', engine: first.model.engine, models: models.map(toOffered) };
    },
    offerModel(model, { audience = 'network', measured } = {}) {
      const { artefact } = model.model;
      const known = shelf.get(artefact);
      if (known?.model === model) {
        known.audience = audience;
        known.measured = measured ?? known.measured;
      } else {
        known?.queue.dismissWaiting();
        if (!known && shelf.size >= limits.offerModelsMax) {
          throw new TabloomError(
            'shelf-full',
            `A peer offers at most ${limits.offerModelsMax} models. Withdraw one first.`,
          );
        }
        // An offer names one engine, and receipts are held to it: a model of another takes the place of what was there.
        for (const served of shelf.values()) if (!isSameEngine(served.model, model)) remove(served);
        shelf.set(
          artefact,
          createServedModel(model, { audience, measured: measured ?? known?.measured, onChange: tell }),
        );
      }
      tell();
    },
    withdrawModel(artefact) {
      const served = shelf.get(artefact);
      if (!served) return;
      remove(served);
      tell();
    },
    pause() {
      if (phase !== 'serving') return;
      phase = 'paused';
      tell();
    },
    resume() {
      if (phase !== 'paused') return;
      phase = 'serving';
      tell();
    },
    async drain({ signal } = {}) {
      if (phase === 'stopped') return;
      phase = 'draining';
      for (const { queue } of shelf.values()) queue.dismissWaiting();
      tell();
      const finished = async () => {
        while (records.live().length > 0) await settled.wait({ signal });
      };
      await finished().catch(() => undefined);
      await provider.stop();
    },
    async start() {
      if (phase !== 'stopped') return;
      stopping = new AbortController();
      stopped = new AbortController();
      phase = 'serving';
      endHandling = net.handle(jobProtocol, (channel) => {
        const served = handle(channel);
        serving.add(served);
        return served.finally(() => serving.delete(served));
      });
      tell();
    },
    async stop() {
      if (phase === 'stopped') return;
      endHandling?.();
      endHandling = undefined;
      phase = 'stopped';
      stopping.abort(wireError('draining'));
      for (const { session } of records.live()) session.stop(wireError('draining'));
      while (records.live().length > 0) await settled.wait();
      const said = new AbortController();
      const lastWords = clock.delay(lastWordsMs, { signal: said.signal }).catch(() => undefined);
      await Promise.race([Promise.allSettled(serving), lastWords]);
      said.abort();
      stopped.abort(wireError('draining'));
      tell();
    },
  };
  return provider;
}
