import type { Clock } from '#lib/base/clock.ts';
import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import { randomId } from '#lib/base/ids.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Catalogue } from '#lib/market/names.ts';
import { pick, type Choice, type UnmetQuery } from '#lib/market/pick.ts';
import type { Directory, RouteQuery } from '#lib/market/spec.ts';
import type { Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { maxTokensOf } from '#lib/protocol/job.ts';
import { jobKinds, type KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { ReceiptBook } from '../receipt-book.ts';
import { runAsker, type Choosing } from '../session/asker-runner.ts';
import type { AskerEffect, AskerState } from '../session/asker-spec.ts';
import type { AskRequest, Consumer } from '../spec.ts';
import { createTrackRecord, type TrackRecord } from '../track-record.ts';
import { judge } from './judge.ts';
import { nobodyLeft } from './nobody-left.ts';
import { firstPartTimeoutMs } from './patience.ts';
import { createRemembered, type Remembered } from './remembered.ts';
import { checkRequest, toJob, toWish, toWorkerView } from './request.ts';

export interface ConsumerComponents {
  readonly net: Net;
  readonly directory: Directory;
  readonly book: ReceiptBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Kinds of work that may be asked for; those of the protocol unless said otherwise. */
  readonly kinds?: KindTable | undefined;
  /** Names that mean one artefact, whoever offers what under them. */
  readonly catalogue?: Catalogue | undefined;
  /** Its own unless shared. */
  readonly trackRecord?: TrackRecord | undefined;
  /** How long a job waits for the first offer while the directory is still empty; 3 s unless said otherwise. */
  readonly firstOfferTimeoutMs?: number | undefined;
}

const firstOfferTimeoutMs = 3_000;

/** Asks the network: chooses a worker, follows the answer, tries the next one while nothing has been read. */
export function createConsumer(components: ConsumerComponents): Consumer {
  const { clock, random, net, kinds = jobKinds } = components;
  const remembered = createRemembered();
  const trackRecord = components.trackRecord ?? createTrackRecord(clock);
  const asking: Asking = { ...components, kinds, remembered, trackRecord };

  const run = (request: AskRequest, signal: AbortSignal) => {
    const id = request.id ?? randomId(random);
    const deadlineMs = request.deadlineMs ?? limits.jobDeadlineMsDefault;
    const endsAtMs = clock.elapsed() + deadlineMs;
    return runAsker({
      ...components,
      kinds,
      blobs: request.blobs ?? new Map(),
      deadlineMs,
      signal,
      rememberStopped: remembered.stop,
      choose: (state, effect, chosenBy) => choose(request, { id, endsAtMs, state, effect, signal: chosenBy }, asking),
      record: (worker, end, attempt) => {
        judge(trackRecord, worker, end, attempt);
        // The next question often goes the same way.
        const { peer } = worker;
        if (end.type === 'finished')
          void net.prepare(peer, jobProtocol, { addrs: addrsOf(components.directory, peer) });
      },
    });
  };

  return {
    ask: (request, { signal } = {}) => {
      const checked = checkRequest(request, kinds);
      return {
        [Symbol.asyncIterator]: () => run(checked, signal ?? new AbortController().signal)[Symbol.asyncIterator](),
      };
    },
    async prepare(request, { signal } = {}) {
      const checked = checkRequest(request, kinds);
      const { candidate } = pickFor(toWish(checked, [], kinds), checked, asking);
      if (!candidate) return;
      const { peer, addrs } = candidate.entry.offer;
      await net.prepare(peer, jobProtocol, { addrs, signal });
    },
  };
}

interface Asking extends ConsumerComponents {
  readonly kinds: KindTable;
  readonly trackRecord: TrackRecord;
  readonly remembered: Remembered;
}

interface JobSoFar {
  readonly id: string;
  readonly endsAtMs: number;
  readonly state: AskerState;
  readonly effect: Extract<AskerEffect, { type: 'choose' }>;
  readonly signal: AbortSignal;
}

async function choose(request: AskRequest, so: JobSoFar, asking: Asking): Promise<Choosing> {
  const { clock, net, random, remembered, trackRecord, kinds } = asking;
  const { id, effect, state } = so;
  const choice = await findWorker(request, so, asking);
  if (choice.refusal) return { type: 'nobody', error: refusalError(choice.refusal), rejections: [] };
  if (!choice.candidate || effect.attempt > limits.attemptsMax) {
    const error = nobodyLeft(toWish(request, effect.tried, kinds), choice.rejections, effect.errors);
    return { type: 'nobody', error, rejections: choice.rejections };
  }
  const { candidate } = choice;
  const { peer, addrs } = candidate.entry.offer;
  const { salt, askedAt } = remembered.first(id, () => ({ salt: randomId(random), askedAt: clock.now() }));
  const deadlineMs = so.endsAtMs - clock.elapsed();
  const { text, tokens } = state.job;
  const job = toJob(request, candidate, { id, salt, deadlineMs, progress: { text, tokens } });
  trackRecord.chosen(peer, job.artefact);
  remembered.chose(id, peer);
  const chosen = {
    job,
    worker: toWorkerView(candidate, request, net.self),
    addrs,
    price: candidate.model.price,
    firstPartTimeoutMs: firstPartTimeoutMs(candidate, job, trackRecord.history(peer, job.artefact), kinds),
    askedAt,
    wasStopped: remembered.wasStopped(id, peer),
  };
  return { type: 'chosen', chosen };
}

function refusalError(refusal: UnmetQuery): ErrorRecord {
  const details = 'names' in refusal ? { names: refusal.names } : {};
  return toErrorRecord(wireError(refusal.code, undefined, { details }));
}

const pickFor = (
  wish: RouteQuery,
  request: AskRequest,
  { catalogue, clock, directory, net, random, trackRecord }: Asking,
  full?: 'ask',
): Choice =>
  pick(wish, directory, {
    catalogue,
    full,
    random,
    now: clock.now(),
    self: net.self,
    parked: trackRecord.isParked,
    history: trackRecord.history,
    known: trackRecord.known,
    tokensOut: maxTokensOf(request),
  });

/**
 * Chooses among those not tried yet. The same job id asked again goes to the worker it went to, who knows it. While
 * nobody at all has been heard of, as on a page just opened, the first offers are waited for. Where all queues are full by
 * their offers, which are some tenths of a second old, one worker is asked all the same: it knows, and says how long to wait.
 */
async function findWorker(request: AskRequest, { id, effect, signal }: JobSoFar, asking: Asking): Promise<Choice> {
  const { clock, directory, remembered, kinds } = asking;
  const { tried } = effect;
  const wish = toWish(request, tried, kinds);
  const before = remembered.worker(id);
  if (before && !tried.includes(before) && (request.only?.includes(before) ?? true)) {
    const again = pickFor({ ...wish, only: [before] }, request, asking);
    if (again.candidate) return again;
  }
  const waitMs = asking.firstOfferTimeoutMs ?? firstOfferTimeoutMs;
  const untilMs = clock.elapsed() + waitMs;
  let choice = pickFor(wish, request, asking);
  while (!choice.candidate && !choice.refusal && directory.size === 0 && clock.elapsed() < untilMs && !signal.aborted) {
    await nextChange(directory, clock, untilMs - clock.elapsed(), signal);
    choice = pickFor(wish, request, asking);
  }
  if (choice.candidate || choice.refusal || hasHeardBusy(effect.errors)) return choice;
  return pickFor(wish, request, asking, 'ask');
}

const hasHeardBusy = (errors: readonly ErrorRecord[]): boolean => errors.some(({ code }) => code === 'busy');

const addrsOf = (directory: Directory, peer: PeerId): readonly string[] => directory.get(peer)?.offer.addrs ?? [];

/** Resolves at the directory's next change, after `ms`, or when the signal aborts. */
async function nextChange(directory: Directory, clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const change = Promise.withResolvers<void>();
  const end = directory.onChange(() => change.resolve());
  const timeout = clock.delay(ms, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => undefined);
  await Promise.race([change.promise, timeout]);
  over.abort();
  end();
}
