import type { Clock } from '#lib/base/clock.ts';
import { randomId } from '#lib/base/ids.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Catalogue } from '#lib/market/names.ts';
import { createShare } from '#lib/market/share.ts';
import type { Directory } from '#lib/market/spec.ts';
import { levelOf } from '#lib/market/standing.ts';
import type { Zone } from '#lib/market/zone.ts';
import type { Net } from '#lib/net/spec.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import type { Purse } from '#lib/pay/ports.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { jobKinds, type KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Price } from '#lib/protocol/price.ts';
import type { Search } from '../presence/discovery-client.ts';
import type { ReceiptBook } from '../receipt-book.ts';
import { runAsker } from '../session/asker-runner.ts';
import { seenOf } from '../session/attempt.ts';
import type { AskRequest, Consumer, Scorer } from '../spec.ts';
import type { TierCheck } from '../tiers/check.ts';
import { createTrackRecord, recordOutcome, type TrackRecord } from '../track-record.ts';
import { createAskedJobs } from './asked-jobs.ts';
import { withAnswer, type AnsweredJob } from './answered-job.ts';
import { createAuditions, wholeOf } from './auditions.ts';
import { createConversations } from './conversations.ts';
import { chooseHedge, chooseWorker, searchFor } from './choose-worker.ts';
import { createHedging } from './hedging.ts';
import { createPaidWork, type PaidWorkBook } from './paid-work.ts';
import { createPayWays } from './pay-ways.ts';
import { checkRequest, toRouteQuery } from './request.ts';
import { checkTiers, prepareSuccessor, routeFor, type AskContext } from './search-known.ts';
import { createZones } from '../zones.ts';

export interface ConsumerComponents {
  readonly net: Net;
  readonly directory: Directory;
  readonly book: ReceiptBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Kinds of work that may be asked for; those of the protocol by default. */
  readonly kinds?: KindTable | undefined;
  /** Pays for jobs that have a budget; without it only free workers are asked. */
  readonly purse?: Purse | undefined;
  /** Workers that charge this peer nothing, whatever their price: they have the same owner. */
  readonly isGratis?: ((worker: PeerId) => boolean) | undefined;
  /** Of a canary that was answered: it may be shown to a panel, since it is nobody's question. */
  readonly onCanary?: ((canary: AnsweredJob) => void) | undefined;
  /** What the canary of this id may cost where its worker has a price; without, or where nothing is left, only free ones are asked. */
  readonly payCanary?: ((id: string) => Promise<CanaryPay | undefined>) | undefined;
  /** Of a job that was asked with `release` and answered by one worker. */
  readonly onReleased?: ((job: AnsweredJob) => void) | undefined;
  /** Looks tiers up; without it only jobs of the open tier are asked. */
  readonly tierCheck?: TierCheck | undefined;
  /** Names that stand for one artefact, whatever a peer offers under them. */
  readonly catalogue?: Catalogue | undefined;
  /** Judges canaries by the weights where they are at hand. */
  readonly scorer?: Scorer | undefined;
  /** By default the consumer keeps its own, in memory. */
  readonly trackRecord?: TrackRecord | undefined;
  /** The same. */
  readonly paidWork?: PaidWorkBook | undefined;
  /** How long a job waits for the first offer while the directory is still empty; 3 s by default. */
  readonly firstOfferTimeoutMs?: number | undefined;
  /** Asks relays for workers that the directory does not hold; by default nobody is asked. */
  readonly search?: Search | undefined;
  /** Where relays place peers that no connection has proved; by default that is not known. */
  readonly labelled?: ((peer: PeerId) => Zone | undefined) | undefined;
}

export interface CanaryPay {
  readonly budget: string;
  readonly priceMax: Price;
  /** Nothing more is paid for it. */
  end(): void;
}

/** Jobs that newcomers get where others have standing, and how many may be saved up. */
const trialShare = 0.03;
const trialsSavedMax = 3;

/** Asks the network: chooses a worker, follows its answer, and resumes it at the next one when a worker is lost. */
export function createConsumer(components: ConsumerComponents): Consumer {
  const { clock, random, net, kinds = jobKinds } = components;
  const askedJobs = createAskedJobs();
  const trackRecord = components.trackRecord ?? createTrackRecord({ clock });
  const trials = createShare(trialShare, trialsSavedMax);
  const zones = createZones(net, clock, components.labelled);
  const conversations = createConversations(clock);
  const hedging = createHedging();
  const paidWork = components.paidWork ?? createPaidWork({ clock });
  const payWays = createPayWays({ purse: components.purse, work: paidWork, clock });
  const context: AskContext = {
    ...components,
    kinds,
    askedJobs,
    trackRecord,
    trials,
    zones,
    conversations,
    hedging,
    payWays,
  };

  /** A budget without a purse buys nothing. */
  const checked = (request: AskRequest): AskRequest => {
    const valid = checkRequest(request, kinds);
    return components.purse ? valid : { ...valid, budget: undefined };
  };

  const run = (request: AskRequest, signal: AbortSignal, purpose: 'job' | 'canary' = 'job') => {
    const id = request.id ?? randomId(random);
    const deadlineMs = request.deadlineMs ?? limits.jobDeadlineMsDefault;
    const endsAtMs = clock.elapsed() + deadlineMs;
    return runAsker({
      ...components,
      kinds,
      blobs: request.blobs ?? new Map(),
      after: request.after,
      deadlineMs,
      signal,
      rememberStopped: askedJobs.markStopped,
      choose: (state, effect, chosenBy) =>
        chooseWorker(request, { id, purpose, endsAtMs, deadlineMs, state, effect, signal: chosenBy }, context),
      prepare: async (state, effect, chosenBy) =>
        purpose === 'job' ? prepareSuccessor(request, { state, effect, signal: chosenBy }, context) : undefined,
      hedge: (state, effect) =>
        purpose === 'job' ? chooseHedge(request, { id, endsAtMs, state, effect }, context) : undefined,
      record: (worker, end, seen) => {
        const { peer, artefact } = worker;
        const level = levelOf(trackRecord.standing(peer, artefact), clock.now());
        const outcome = recordOutcome(trackRecord, worker, end, seen);
        if (outcome.type === 'failed' && !outcome.sameOutage && level !== 'established') zones.noteBroken(peer);
        if (end.type !== 'finished' || purpose === 'canary') return;
        askedJobs.setWorker(id, peer);
        const { usage, receiptCheck } = end.settlement;
        // What only the worker says it counted makes no habit.
        if (seen.job.cost && receiptCheck.counts) paidWork.note(artefact, { in: usage.tokensIn, out: usage.tokensOut });
        const ttftMs = seen.attempt && seenOf(seen.attempt).ttftMs;
        if (ttftMs !== undefined) hedging.note(seen.expectedFirstPartMs ?? 0, ttftMs);
        auditions.noteJob(request, worker);
        conversations.note(request, peer);
        // The next question often goes the same way.
        void net.prepare(peer, jobProtocol, { addrs: addrsOf(components.directory, peer) });
      },
    });
  };

  const auditions = createAuditions({
    ...components,
    self: net.self,
    trackRecord,
    zones,
    async ask(request, peer) {
      let answered: AnsweredJob | undefined;
      const id = randomId(random);
      // Books that cannot be read pay for nothing.
      const pay = components.purse && (await components.payCanary?.(id).catch(() => undefined));
      try {
        const terms = pay ? { budget: pay.budget, priceMax: pay.priceMax } : {};
        const canary = checkRequest({ ...request, id, ...terms, only: [peer] }, kinds);
        const events = run(canary, new AbortController().signal, 'canary');
        for await (const event of withAnswer(events, (whole) => (answered = whole))) {
          if (event.type !== 'job-finished') continue;
          if (answered) components.onCanary?.(answered);
          const ending = (['stop', 'length'] as const).find((one) => one === event.reason);
          return { ...wholeOf(answered?.parts ?? []), ending };
        }
        return undefined;
      } finally {
        pay?.end();
      }
    },
  });

  return {
    ask: (request, { signal } = {}) => {
      const valid = checked(request);
      return {
        [Symbol.asyncIterator]: () => {
          const events = run(valid, signal ?? new AbortController().signal);
          const { onReleased } = components;
          const told = valid.release && onReleased ? withAnswer(events, onReleased) : events;
          return told[Symbol.asyncIterator]();
        },
      };
    },
    async prepare(request, { signal } = {}) {
      const valid = checked(request);
      const query = toRouteQuery(valid, [], kinds);
      await checkTiers(valid, context, { signal });
      const { candidate, refusal } = routeFor(query, valid, context);
      if (!candidate && !refusal) void searchFor(query, context);
      if (!candidate) return;
      const { peer, addrs } = candidate.entry.offer;
      await net.prepare(peer, jobProtocol, { addrs, signal });
    },
    explain(request) {
      const valid = checked(request);
      const { considered, rejections } = routeFor(toRouteQuery(valid, [], kinds), valid, context);
      return [...considered, ...rejections()];
    },
  };
}

const addrsOf = (directory: Directory, peer: PeerId): readonly string[] => directory.get(peer)?.offer.addrs ?? [];
