import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import type { Job, Tier } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { refusal, refuse, type Policy, type Refusal } from './admit.ts';
import { createBell } from './bell.ts';
import { createChannelPlaces } from './channel-places.ts';
import { createJobRecords, jobFingerprint, type JobRecord } from './job-record.ts';
import { withDuration, withJob } from './measure.ts';
import type { ReceiptBook } from './receipt-book.ts';
import { createServedModel, etaMs, isBroken, toOffered, type ServedModel } from './served-model.ts';
import { refuseUnread, serveJob } from './serve-job.ts';
import type { Provider, ProviderState } from './spec.ts';
import { queueWork, type WorkOutcome } from './work-job.ts';

export interface ProviderComponents {
  readonly net: Net;
  readonly book: ReceiptBook;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `['open']` unless said otherwise. */
  readonly tiers?: readonly Tier[] | undefined;
  /** What is not served, beside what cannot be. */
  readonly policy?: Policy | undefined;
  /** Jobs one asker may have here at once; a gateway asks for many people under one key. */
  readonly jobsPerPeerMax?: ((peer: PeerId) => number) | undefined;
  /** A model that was taken off the shelf because its engine is broken: load it again and offer it anew. */
  readonly onModelFailed?: ((artefact: ArtefactId, error: TabloomError) => void) | undefined;
}

/** At a stop, for the frames that close what ran. */
const lastWordsMs = 1_000;
/** Running answers are shown as they grow, but no more often than this. */
const tellGapMs = 250;

const isSameEngine = ({ engine: a }: LoadedModel, { engine: b }: LoadedModel): boolean =>
  a.name === b.name && a.build === b.build && a.deviceClass === b.deviceClass;

/** Ended for want of an asker: nobody has this answer, so that whoever comes back for it is served anew. */
const wasDeserted = ({ ending, stopped }: JobRecord): boolean =>
  ending?.t === 'finish' && ending.reason === 'cancelled' && errorCode(stopped.reason) === 'peer-lost';

/** Serves `/tabloom/job/2` out of loaded models. One bad job or asker never harms another. */
export function createProvider(components: ProviderComponents): Provider {
  const { net, book, clock, logger, tiers = ['open'], policy = () => undefined } = components;
  const perPeerMax = components.jobsPerPeerMax ?? (() => limits.jobsPerPeerMax);
  const shelf = new Map<ArtefactId, ServedModel>();
  const records = createJobRecords(clock);
  const changes = createEmitter<ProviderState>((error) => logger.warn('listener-failed', { error: String(error) }));
  const settled = createBell();
  const places = createChannelPlaces();
  const working = new Set<Promise<void>>();
  const counters = { jobsDone: 0, jobsFailed: 0, jobsRefused: 0, tokensOut: 0, tokensIn: 0, busyMs: 0 };
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

  const accept = (asker: PeerId, job: Job): JobRecord | Refusal => {
    const known = records.find(asker, job);
    if (known) {
      if (known.fingerprint === jobFingerprint(job)) return known;
      return refusal('bad-request', 'This job id stands for another job already. Choose a new one.');
    }
    const taken = take(asker, job);
    if ('code' in taken) {
      counters.jobsRefused += 1;
      tell();
    }
    return taken;
  };

  const take = (asker: PeerId, job: Job): JobRecord | Refusal => {
    if (phase !== 'serving') return refusal('draining');
    const served = shelf.get(job.artefact);
    const refused = refuse(job, asker, { self: net.self, served, tiers, policy });
    if (refused || !served) return refused ?? refusal('model-not-here');
    // The asker goes on from a later token: what it left behind has no reader any more, and its place is this job's.
    const left = records.liveOf(asker, job.id);
    if (records.openOf(asker) - left.length >= perPeerMax(asker)) {
      return refusal('busy', 'Too many jobs of yours are here at once. Wait for one to end.', etaMs(served, 1));
    }
    for (const record of left) record.stop(wireError('peer-lost', 'The asker resumed this job.'));
    const record = records.open(asker, job);
    const work = queueWork(job, record, served, {
      clock,
      book,
      onPart: (part) => {
        if (part.type === 'text-delta') counters.tokensOut += part.tokens;
        if (clock.elapsed() - toldMs >= tellGapMs) tell();
      },
    });
    if (!work) {
      records.forget(record);
      return refusal('busy', undefined, etaMs(served, served.queue.waiting));
    }
    const running = work.run().then((outcome) => settle(served, record, outcome));
    working.add(running);
    running.finally(() => working.delete(running));
    return record;
  };

  const settle = (served: ServedModel, record: JobRecord, outcome: WorkOutcome) => {
    if (outcome.type === 'done') {
      const { usage, timings, reason } = outcome.result;
      if (reason !== 'cancelled') counters.jobsDone += 1;
      counters.tokensIn += usage.tokensIn;
      counters.busyMs += outcome.busyMs;
      served.failedFor = [];
      served.jobMs = withDuration(served.jobMs, outcome.busyMs);
      if (reason !== 'cancelled') {
        served.measured = withJob(served.measured, usage, timings);
        decodeTps = timings.decodeMs > 0 ? ((usage.tokensOut - 1) * 1_000) / timings.decodeMs : decodeTps;
      }
    } else if (outcome.type === 'failed') {
      counters.jobsFailed += 1;
      counters.busyMs += outcome.busyMs;
      blame(served, record, outcome.error);
    }
    if (record.ending?.t === 'refused' || wasDeserted(record)) records.forget(record);
    tell();
    settled.ring();
  };

  const blame = (served: ServedModel, record: JobRecord, error: TabloomError) => {
    if (error.code !== 'engine-failed' && error.code !== 'internal') return;
    const engineCode = String(error.details['engineCode'] ?? error.code);
    const { artefact } = served.model.model;
    served.failedFor = [...served.failedFor, record.asker].slice(-8);
    logger.warn('engine-failed', { artefact, code: engineCode });
    if (!isBroken(served, engineCode) || shelf.get(artefact) !== served) return;
    remove(served);
    components.onModelFailed?.(artefact, error);
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
      await serveJob(channel, {
        clock,
        accept,
        stopping: stopping.signal,
        stopped: stopped.signal,
        onCountersign: (record, envelope) => {
          if (record.ending?.t === 'finish') book.acknowledge(record.ending.receipt, envelope);
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
      for (const record of records.live()) record.stop(wireError('draining'));
      await Promise.all(working);
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
