import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import type { Job, Tier } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { checkCountersign } from '#lib/trust/check.ts';
import { refusal, refuse, type Policy, type Refusal } from './admit.ts';
import { createBell } from './bell.ts';
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

/** Channels served at once, whoever opened them and whatever they are waiting for. */
const channelsMax = 512;
/** At a stop, for the frames that close what ran. */
const lastWordsMs = 1_000;
/** Running answers are shown as they grow, but no more often than this. */
const tellGapMs = 250;

/** Serves `/tabloom/job/1` out of loaded models. One bad job or asker never harms another. */
export function createProvider(components: ProviderComponents): Provider {
  const { net, book, clock, logger, tiers = ['open'], policy = () => undefined } = components;
  const perPeerMax = components.jobsPerPeerMax ?? (() => limits.jobsPerPeerMax);
  const shelf = new Map<ArtefactId, ServedModel>();
  const records = createJobRecords(clock);
  const changes = createEmitter<ProviderState>((error) => logger.warn('listener-failed', { error: String(error) }));
  const settled = createBell();
  const channelsOf = new Map<PeerId, number>();
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
    if (records.openOf(asker) >= perPeerMax(asker)) {
      return refusal('busy', 'Too many jobs of yours are here at once. Wait for one to end.', etaMs(served, 1));
    }
    // The asker goes on from a later token: what it left behind has no reader any more.
    for (const left of records.liveOf(asker, job.id)) left.stop(wireError('peer-lost', 'The asker resumed this job.'));
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
      counters.jobsDone += 1;
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
      // A cancelled job ends with a receipt; one that never began may be asked again.
    } else if (record.ending?.t === 'refused') records.forget(record);
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
    const open = channelsOf.get(peer) ?? 0;
    const sum = [...channelsOf.values()].reduce((a, b) => a + b, 0);
    // Room for every job twice, since an asker may come again for one before its first channel is known to be gone.
    if (sum >= channelsMax) return channel.abort(wireError('busy'));
    // The net bounds how many of these there are.
    if (open >= perPeerMax(peer) * 2 + 2) return refuseUnread(channel, clock);
    channelsOf.set(peer, open + 1);
    try {
      await serveJob(channel, {
        clock,
        accept,
        stopping: stopping.signal,
        stopped: stopped.signal,
        onCountersign: (record, envelope) => {
          if (record.ending?.t !== 'finish' || !checkCountersign(record.ending.receipt, envelope)) return;
          book.keep('worker', { receipt: record.ending.receipt, countersign: envelope });
        },
      });
    } finally {
      const left = (channelsOf.get(peer) ?? 1) - 1;
      if (left > 0) channelsOf.set(peer, left);
      else channelsOf.delete(peer);
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
