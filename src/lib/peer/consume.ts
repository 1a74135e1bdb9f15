import { abortError } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import { randomId } from '#lib/base/ids.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Catalogue } from '#lib/market/names.ts';
import { pick, type Choice, type WishRefusal } from '#lib/market/pick.ts';
import type { Directory, Rejection, Wish } from '#lib/market/spec.ts';
import type { Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { maxTokensOf } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { afterLoss } from './after-loss.ts';
import { askWorker } from './ask-worker.ts';
import type { AttemptEnd } from './attempt-end.ts';
import { judge } from './judge.ts';
import { initialJob, isOver, reduceJob, type JobState } from './lifecycle.ts';
import { nobodyLeft } from './nobody-left.ts';
import { firstPartTimeoutMs } from './patience.ts';
import type { ReceiptBook } from './receipt-book.ts';
import { createRemembered, type Remembered } from './remembered.ts';
import { checkRequest, toJob, toWish, toWorkerView } from './request.ts';
import type { AskRequest, Consumer, JobEvent } from './spec.ts';
import { createTrackRecord, type TrackRecord } from './track-record.ts';

export interface ConsumerComponents {
  readonly net: Net;
  readonly directory: Directory;
  readonly book: ReceiptBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Names that mean one artefact, whoever offers what under them. */
  readonly catalogue?: Catalogue | undefined;
  /** Its own unless shared. */
  readonly trackRecord?: TrackRecord | undefined;
  /** How long a job waits for the first offer while the directory is still empty; 3 s unless said otherwise. */
  readonly firstOfferTimeoutMs?: number | undefined;
}

/** Past the worker's own deadline, for its last frame to arrive. */
const deadlineGraceMs = 1_000;
const firstOfferTimeoutMs = 3_000;

/** Asks the network: chooses a worker, follows the answer, tries the next one while nothing has been read. */
export function createConsumer(components: ConsumerComponents): Consumer {
  const remembered = createRemembered();
  const trackRecord = components.trackRecord ?? createTrackRecord(components.clock);
  return {
    ask: (request, { signal } = {}) => {
      const checked = checkRequest(request);
      return ask(checked, { ...components, remembered, trackRecord, signal: signal ?? new AbortController().signal });
    },
    async prepare(request, { signal } = {}) {
      const { candidate } = choose(toWish(checkRequest(request), []), request, { ...components, trackRecord });
      if (!candidate) return;
      const { peer, addrs } = candidate.entry.offer;
      await components.net.prepare(peer, jobProtocol, { addrs, signal });
    },
  };
}

interface Choosing extends ConsumerComponents {
  readonly trackRecord: TrackRecord;
}

interface Asking extends Choosing {
  readonly remembered: Remembered;
  readonly signal: AbortSignal;
}

async function* ask(request: AskRequest, asking: Asking): AsyncGenerator<JobEvent> {
  const { clock } = asking;
  const id = request.id ?? randomId(asking.random);
  const deadlineMs = request.deadlineMs ?? limits.jobDeadlineMsDefault;
  const timer = new AbortController();
  const timeUp = new AbortController();
  clock.delay(deadlineMs + deadlineGraceMs, { signal: timer.signal }).then(
    () => timeUp.abort(wireError('deadline')),
    () => undefined,
  );
  let state = initialJob;
  try {
    const run = runJob(request, {
      ...asking,
      id,
      endsAtMs: clock.elapsed() + deadlineMs,
      timeUp: timeUp.signal,
      state: () => state,
    });
    for await (const event of run) {
      state = reduceJob(state, event);
      yield event;
      if (isOver(state)) return;
    }
  } finally {
    timer.abort();
  }
}

interface Running extends Asking {
  readonly id: string;
  readonly endsAtMs: number;
  readonly timeUp: AbortSignal;
  readonly state: () => JobState;
}

/** Attempt after attempt until one event ends the job. */
async function* runJob(request: AskRequest, running: Running): AsyncGenerator<JobEvent> {
  const { clock, signal, timeUp, state, trackRecord } = running;
  const tried: PeerId[] = [];
  const errors: ErrorRecord[] = [];
  const failed = (error: ErrorRecord, rejections: readonly Rejection[] = []): JobEvent => ({
    type: 'job-failed',
    at: clock.now(),
    error,
    rejections,
  });

  for (let attempt = 1; ; attempt++) {
    yield { type: 'job-routing', at: clock.now(), attempt };
    const isFull = errors.some(({ code }) => code === 'busy');
    const choice = await chooseWorker(request, { tried, full: isFull ? undefined : 'ask' }, running);
    if (signal.aborted) return yield { type: 'job-cancelled', at: clock.now() };
    if (timeUp.aborted) return yield failed(toErrorRecord(abortError(timeUp)));
    if (choice.refusal) return yield failed(refusalError(choice.refusal));
    if (!choice.candidate || attempt > limits.attemptsMax) {
      return yield failed(nobodyLeft(toWish(request, tried), choice.rejections, errors), choice.rejections);
    }
    const { candidate } = choice;
    const { peer, addrs } = candidate.entry.offer;
    const worker = toWorkerView(candidate, request, running.net.self);
    const { salt, askedAt } = running.remembered.first(running.id, () => ({
      salt: randomId(running.random),
      askedAt: clock.now(),
    }));
    const job = toJob(request, candidate, {
      id: running.id,
      salt,
      deadlineMs: running.endsAtMs - clock.elapsed(),
      progress: { text: state().text, tokens: state().tokens },
    });
    tried.push(peer);
    trackRecord.chosen(peer, worker.artefact);
    running.remembered.chose(running.id, peer);
    yield { type: 'worker-chosen', at: clock.now(), job, worker };

    let end: AttemptEnd = { type: 'cancelled' };
    try {
      end = yield* askWorker(job, worker, {
        ...running,
        addrs,
        price: candidate.model.price,
        askedAt,
        firstPartTimeoutMs: firstPartTimeoutMs(candidate, job, trackRecord.history(peer, worker.artefact)),
      });
    } finally {
      // Also where the caller has left the loop in the middle.
      judge(trackRecord, worker, end, state().attempts.at(-1));
    }
    const at = clock.now();
    switch (end.type) {
      case 'finished':
        // The next question often goes the same way.
        void running.net.prepare(peer, jobProtocol, { addrs });
        return yield { type: 'job-finished', at, reason: end.frame.reason, ...end.settlement };
      case 'cancelled':
        return yield { type: 'job-cancelled', at, settlement: end.settlement };
      case 'failed':
        return yield failed(end.error);
      case 'refused':
        errors.push(end.error);
        yield { type: 'worker-refused', at, error: end.error };
        break;
      case 'lost':
        errors.push(end.error);
        yield { type: 'worker-lost', at, error: end.error };
        if (afterLoss(state()) === 'fail') return yield failed(end.error);
    }
  }
}

function refusalError(refusal: WishRefusal): ErrorRecord {
  const details = 'names' in refusal ? { names: refusal.names } : {};
  return toErrorRecord(wireError(refusal.code, undefined, { details }));
}

const choose = (
  wish: Wish,
  request: AskRequest,
  { catalogue, clock, directory, net, random, trackRecord }: Choosing,
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
async function chooseWorker(
  request: AskRequest,
  { tried, full }: { readonly tried: readonly PeerId[]; readonly full: 'ask' | undefined },
  running: Running,
): Promise<Choice> {
  const { clock, directory, remembered, signal, timeUp } = running;
  const wish = toWish(request, tried);
  const before = remembered.worker(running.id);
  if (before && !tried.includes(before) && (request.only?.includes(before) ?? true)) {
    const again = choose({ ...wish, only: [before] }, request, running);
    if (again.candidate) return again;
  }
  const waitMs = running.firstOfferTimeoutMs ?? firstOfferTimeoutMs;
  const waiting = AbortSignal.any([signal, timeUp]);
  const untilMs = clock.elapsed() + waitMs;
  let choice = choose(wish, request, running);
  while (
    !choice.candidate &&
    !choice.refusal &&
    directory.size === 0 &&
    clock.elapsed() < untilMs &&
    !waiting.aborted
  ) {
    await nextChange(directory, clock, untilMs - clock.elapsed(), waiting);
    choice = choose(wish, request, running);
  }
  return choice.candidate || !full ? choice : choose(wish, request, running, full);
}

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
