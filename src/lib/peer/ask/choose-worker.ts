import type { Clock } from '#lib/base/clock.ts';
import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import { randomId } from '#lib/base/ids.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { UnmetQuery } from '#lib/market/candidates.ts';
import { shortestQueue } from '#lib/market/capacity.ts';
import { searchedModel } from '#lib/market/names.ts';
import type { Route } from '#lib/market/route.ts';
import type { Candidate, Directory, Rejection, RouteQuery } from '#lib/market/spec.ts';
import { jobsAt } from '#lib/market/score.ts';
import { labellerOf } from '#lib/market/zone.ts';
import { levelOf } from '#lib/market/standing.ts';
import { isFree } from '#lib/protocol/charge.ts';
import { isWireErrorCode, wireError, wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';
import type { Price } from '#lib/protocol/price.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Choosing, Chosen } from '../session/asker-components.ts';
import type { AskerEffect, AskerState, Next } from '../session/asker-spec.ts';
import { isWayLost } from '../session/attempt-end.ts';
import type { AskRequest } from '../spec.ts';
import { payFor } from './pay-for.ts';
import { toJob, toRouteQuery, toWorkerView } from './request.ts';
import { resumeWithinFrame } from './resume-route.ts';
import {
  checkTiers,
  cutOffWorkers,
  isTrusted,
  preparePayWays,
  queriesOf,
  routeFor,
  searchKnown,
  type AskContext,
  type RoutingAttempt,
} from './search-known.ts';
import { doubtOf, expectedFirstPartMs, firstPartTimeoutMs, stallTimeoutMs } from './timeouts.ts';

/** How long a job waits for the first offer while the directory is empty. */
const firstOfferTimeoutMs = 3_000;
/** From a job's start to its last try, where it has so much time. */
const triesMsMax = 20_000;

/** Zones whose strangers call the request wrong before they are believed. */
const claimZonesMin = 3;

/** A job that needs its next worker. */
export interface RoutingJob {
  readonly id: string;
  /** A canary goes to one worker and earns newcomers no share. */
  readonly purpose: 'job' | 'canary';
  readonly endsAtMs: number;
  /** Of the whole job. */
  readonly deadlineMs: number;
  readonly state: AskerState;
  readonly effect: Extract<AskerEffect, { type: 'choose' }>;
  readonly signal: AbortSignal;
}

export async function chooseWorker(request: AskRequest, routing: RoutingJob, context: AskContext): Promise<Choosing> {
  const attempt = attemptOf(routing, context);
  if (attempt === 'first' && routing.purpose === 'job') context.trials.earn();
  return chooseOne(request, { routing, attempt }, context);
}

async function chooseOne(
  request: AskRequest,
  { routing, attempt }: { readonly routing: RoutingJob; readonly attempt: 'none' | RoutingAttempt },
  context: AskContext,
): Promise<Choosing> {
  const { trials, kinds, hedging, payWays } = context;
  const { effect, state } = routing;
  if (request.budget !== undefined) await preparePayWays(request, context, routing);
  await checkTiers(request, context, routing);
  const search = searchWorkers(request, { ...routing, attempt: attempt === 'none' ? 'last' : attempt }, context);
  // Nothing is awaited between the last look and the agreement: jobs asked in one turn would all see the same free slot.
  let found = search.look();
  for (let change = search.change(found); change; change = search.change(found)) {
    await change;
    await checkTiers(request, context, routing);
    found = search.look();
  }
  if (!found.candidate && !found.refusal && !wasBusy(effect.errors)) found = search.lookAmongFull();
  if (found.refusal) return { type: 'nobody', error: refusalError(found.refusal), rejections: [] };
  if (!found.candidate || attempt === 'none' || isAtFault(state.claims, context) || routing.signal.aborted) {
    const query = toRouteQuery(request, effect.tried, kinds);
    const rejections = found.rejections();
    const error = noWorkerError(query, rejections, effect.errors);
    const described = error.code === 'busy' ? withQueue(error, query, context) : error;
    return { type: 'nobody', error: described, rejections };
  }
  const { candidate } = found;
  if (found.isTrial) trials.spend();
  const chosen = agreeWith(request, { ...routing, found: { ...found, candidate } }, context);
  const paid = await payFor(request, { routing, chosen, candidate }, context);
  if ('error' in paid) {
    const nobody: Choosing = { type: 'nobody', error: paid.error, rejections: [] };
    if (routing.signal.aborted || request.budget === undefined) return nobody;
    if (found.payWay) {
      // There is a hub that can be paid for the same.
      const { peer } = candidate.entry.offer;
      payWays.refused(peer);
      const others = { ...request, ignore: [...(request.ignore ?? []), peer] };
      // A question waits for one channel at most, and a purse that fails leaves no row of them half opened.
      return chooseOne(others, { routing, attempt }, { ...context, payWays: payWays.withoutOpening() });
    }
    // Somebody may do it for nothing.
    const unpaid = await chooseOne({ ...request, budget: undefined }, { routing, attempt }, context);
    return unpaid.type === 'chosen' ? unpaid : nobody;
  }
  const isHedged = attempt === 'first' && routing.purpose === 'job' && isFree(chosen.price);
  if (isHedged) hedging.earn();
  const hedgeAfterMs = isHedged ? hedging.afterMs(chosen.expectedFirstPartMs) : undefined;
  return { type: 'chosen', chosen: { ...paid, hedgeAfterMs } };
}

const free: Price = { in: '0', out: '0' };

/** Whom to ask, and for what. */
export interface Agreement extends Pick<RoutingJob, 'id' | 'endsAtMs'> {
  readonly effect: Next;
  readonly found: Route & { readonly candidate: Candidate };
}

/** What is agreed with a worker that was found. From now on the job counts as under way there. */
export function agreeWith(
  request: AskRequest,
  { id, endsAtMs, effect, found }: Agreement,
  { clock, net, random, askedJobs, trackRecord, kinds, isGratis, tierCheck }: AskContext,
): Chosen {
  const { candidate } = found;
  const { peer, addrs } = candidate.entry.offer;
  const { salt, askedAt } = askedJobs.open(id, () => ({ salt: randomId(random), askedAt: clock.now() }));
  const deadlineMs = endsAtMs - clock.elapsed();
  const job = resumeWithinFrame(toJob(request, candidate, { id, salt, deadlineMs, resume: effect.resume }), kinds);
  const { running, queued, slots } = candidate.model;
  trackRecord.chosen(peer, job.artefact, running < slots && queued === 0 ? 'free' : 'full');
  askedJobs.setWorker(id, peer);
  const standing = trackRecord.standing(peer, job.artefact);
  const checked = request.tier === 'open' ? undefined : tierCheck?.finding(peer);
  return {
    job,
    worker: { ...toWorkerView(found, candidate, request, net.self), ...(checked ? { checked } : {}) },
    addrs,
    // This device charges itself nothing, nor does its owner's.
    price: peer === net.self || isGratis?.(peer) ? free : candidate.model.price,
    expectedFirstPartMs: expectedFirstPartMs(candidate, job, standing, kinds),
    firstPartTimeoutMs: firstPartTimeoutMs(candidate, job, standing, kinds),
    stallTimeoutMs: stallTimeoutMs(candidate, job, standing, kinds),
    doubt: doubtOf(found),
    askedAt,
    wasStopped: askedJobs.wasStopped(id, peer),
  };
}

/**
 * A second worker for a job whose first one is late: free of charge and of work, serving the same model, and trusted if the
 * first one is. None where anybody has a queue for that model: there it would only take another's turn.
 */
export function chooseHedge(
  request: AskRequest,
  choice: Omit<Agreement, 'found'> & { readonly state: AskerState; readonly effect: Next },
  context: AskContext,
): Chosen | undefined {
  const { hedging, directory, trackRecord, net } = context;
  const { worker, job } = choice.state.job;
  if (!hedging.isDue || !job || !worker || worker.self) return undefined;
  const serving = directory.serving({ artefact: job.artefact }).flatMap(({ offer }) => offer.models);
  if (serving.some(({ artefact, queued }) => artefact === job.artefact && queued > 0)) return undefined;
  const sameModel = { ...request, model: { artefact: job.artefact } };
  const found = searchKnown(sameModel, { ...choice, attempt: 'again', cutOff: [] }, context);
  const { candidate } = found;
  if (!candidate || candidate.entry.offer.peer === net.self || !isFree(candidate.model.price)) return undefined;
  const { peer } = candidate.entry.offer;
  const jobs = jobsAt(candidate, (since) => trackRecord.underWay(peer, job.artefact, since));
  if (jobs >= candidate.model.slots) return undefined;
  const level = worker.route?.level;
  if (!isTrusted(found) && (level === undefined || isTrusted({ level }))) return undefined;
  hedging.spend();
  return agreeWith(request, { ...choice, found: { ...found, candidate } }, context);
}

function refusalError(refusal: UnmetQuery): ErrorRecord {
  const details = 'names' in refusal ? { names: refusal.names } : {};
  return toErrorRecord(wireError(refusal.code, undefined, { details }));
}

/**
 * The error of a job for which no worker is left, the most useful cause first: a fault of the request, a queue worth
 * waiting for, the last worker that was lost, and only then that no peer serves it.
 */
export function noWorkerError(
  query: RouteQuery,
  rejections: readonly Rejection[],
  tried: readonly ErrorRecord[],
): ErrorRecord {
  const never = tried.find(({ code }) => isWireErrorCode(code) && wireErrors[code].retry === 'never');
  if (never) return never;
  const reasons = new Set(rejections.map(({ reason }) => reason));
  // Workers of other models have no part in it.
  for (const reason of ['model-not-here', 'tried-already', 'not-allowed'] as const) reasons.delete(reason);
  if (tried.length === 0 && reasons.size === 1) {
    if (reasons.has('context-too-small')) return record('too-long');
    if (reasons.has('price')) return record('price');
    if (reasons.has('queue-full')) return record('busy');
  }
  const busy = tried.filter(({ code }) => code === 'busy');
  if (busy.length > 0) return soonest(busy);
  const lost = tried.findLast(({ code }) => code !== 'draining' && code !== 'model-not-here');
  if (lost) return lost;
  const { model } = query;
  if (model === 'any' || 'artefact' in model) return record('no-peer-available');
  return record('no-peer-available', `No peer serves "${model.name}" now. Try again soon or use this device.`);
}

const record = (code: WireErrorCode, message: string = wireErrors[code].message): ErrorRecord => ({ code, message });

/** Of several full queues, the one that has room first. */
function soonest(busy: readonly ErrorRecord[]): ErrorRecord {
  const waits = busy.flatMap(({ details }) =>
    typeof details?.['retryAfterMs'] === 'number' ? details['retryAfterMs'] : [],
  );
  return { ...record('busy'), ...(waits.length > 0 ? { details: { retryAfterMs: Math.min(...waits) } } : {}) };
}

/** With the place and the time until it comes: as the workers that were asked said, or else by the offers. */
function withQueue(busy: ErrorRecord, query: RouteQuery, { directory, clock }: AskContext): ErrorRecord {
  const queue = shortestQueue({ ...query, not: undefined }, directory.serving(query.model), clock.now());
  const retryAfterMs = busy.details?.['retryAfterMs'] ?? queue?.waitMs;
  if (typeof retryAfterMs !== 'number') return busy;
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1_000));
  const ahead = Math.max(1, queue?.ahead ?? 1);
  const message =
    ahead === 1
      ? `All workers are busy: the shortest queue has one job ahead. Try again in ${seconds} s.`
      : `All workers are busy: the shortest queue has ${ahead} jobs ahead. Try again in ${seconds} s.`;
  return { ...busy, message, details: { ...busy.details, retryAfterMs, ahead } };
}

/**
 * Which attempt it is. Tries since the answer last went on are bounded by time as well as by their number, so that workers which are slow to fail do not
 * use up a person's patience: after that one more, at the best-known worker.
 */
function attemptOf({ effect, state, deadlineMs }: RoutingJob, { clock }: AskContext): 'none' | RoutingAttempt {
  if (effect.attempt === 1) return 'first';
  const { startedAt = clock.now(), attempts } = state.job;
  const fruitful = attempts.findLastIndex(({ fromToken, toToken }) => toToken > fromToken);
  const fruitless = attempts.slice(fruitful + 1);
  const triedSince = fruitful < 0 ? startedAt : (fruitless[0]?.chosenAt ?? clock.now());
  if (fruitless.length >= limits.attemptsMax || attempts.length >= limits.jobAttemptsMax) return 'none';
  const triesMs = Math.min(triesMsMax, deadlineMs / 3);
  const wasLast = (fruitless.at(-1)?.chosenAt ?? triedSince) - triedSince >= triesMs;
  if (wasLast) return 'none';
  return fruitless.length === limits.attemptsMax - 1 || clock.now() - triedSince >= triesMs ? 'last' : 'again';
}

/**
 * Whether the request itself is at fault: a worker that is trusted says so, or strangers of three zones that are in good repute. Too long a prompt is
 * for another worker to judge, whose context may be longer.
 */
function isAtFault(claims: AskerState['claims'], { zones, trackRecord, clock }: AskContext): boolean {
  const heard = claims.filter(({ end }) => end.type === 'refused' && end.error.code !== 'too-long');
  const isTrusted = heard.some(({ worker: { peer, artefact } }) => {
    return zones.isOwn(peer) || levelOf(trackRecord.standing(peer, artefact), clock.now()) === 'established';
  });
  // A relay could label each of its keys apart.
  const proved = heard.flatMap(({ worker }) => zones.zone(worker.peer) ?? []).filter((zone) => !labellerOf(zone));
  const voices = new Set(proved);
  return isTrusted || [...voices].filter((zone) => zones.brokenIn(zone) < 1).length >= claimZonesMin;
}

/** Asks relays for workers that the directory, a sample of theirs, does not hold. Undefined if they have answered already. */
export function searchFor(query: RouteQuery, { search, catalogue = new Map() }: AskContext): Promise<void> | undefined {
  const { features = [], tier } = query;
  return search?.({
    ...searchedModel(query.model, catalogue),
    kind: query.kind,
    // Every worker serves jobs of the open tier.
    ...(tier === 'open' ? {} : { tier }),
    ...(features.length > 0 ? { features: [...features] } : {}),
    limit: limits.findLimitDefault,
  });
}

interface WorkerSearch {
  /** The best of the workers that are known now. */
  look(): Route;
  /** Resolves when another look may find more. Undefined where nothing is worth waiting for, or the wait is over. */
  change(found: Route): Promise<void> | undefined;
  /** A worker whose queue is full by its offer, which is some tenths of a second old: it knows its queue, and says how long. */
  lookAmongFull(): Route;
}

/**
 * Searches the workers not tried yet. A job id that is asked for again goes to the worker it went to, which has the answer on
 * record. Where the directory has none, relays are asked for one. While nobody serves anything, as on a page just opened, the
 * first offers are waited for, and so is one that could go on with an answer half given, or take the place of a worker to
 * which the connection failed; that worker itself is asked again too.
 */
function searchWorkers(
  request: AskRequest,
  routing: RoutingJob & { readonly attempt: RoutingAttempt },
  context: AskContext,
): WorkerSearch {
  const { id, effect, signal, attempt } = routing;
  const { clock, directory, askedJobs } = context;
  const { tried } = effect;
  const query = queriesOf(request, routing, context).at(-1)!;
  const before = askedJobs.worker(id);
  const isKept = before && !tried.includes(before) && (request.only?.includes(before) ?? true);
  const untilMs = clock.elapsed() + (context.firstOfferTimeoutMs ?? firstOfferTimeoutMs);
  const cutOff = cutOffWorkers(routing.state);
  const isAnyoneServing = () => !directory.serving('any').every(({ offer }) => offer.draining);
  const isWorthWaiting = () => !isAnyoneServing() || effect.resume !== undefined || effect.errors.some(isWayLost);
  return {
    look() {
      const again = isKept ? routeFor({ ...query, only: [before] }, request, context, { attempt }) : undefined;
      return again?.candidate ? again : searchKnown(request, { ...routing, cutOff }, context);
    },
    change(found) {
      const leftMs = untilMs - clock.elapsed();
      if (found.candidate || found.refusal || leftMs <= 0 || signal.aborted) return undefined;
      const asked = searchFor(query, context);
      if (!asked && !isWorthWaiting()) return undefined;
      const nextDueMs = Math.min(...cutOff.map(({ dueAt }) => dueAt - clock.now()).filter((ms) => ms > 0));
      return nextChange(directory, clock, Math.min(leftMs, nextDueMs), { signal, asked });
    },
    lookAmongFull: () => routeFor(query, request, context, { attempt, full: 'ask' }),
  };
}

const wasBusy = (errors: readonly ErrorRecord[]): boolean => errors.some(({ code }) => code === 'busy');

/** Resolves at the directory's next change, when relays have answered, after `ms`, or when the signal aborts. */
async function nextChange(
  directory: Directory,
  clock: Clock,
  ms: number,
  { signal, asked }: { readonly signal: AbortSignal; readonly asked: Promise<void> | undefined },
): Promise<void> {
  const change = Promise.withResolvers<void>();
  void asked?.then(change.resolve);
  const endListening = directory.onChange(() => change.resolve());
  await withTimeout(change.promise, clock, ms, { signal }).catch(() => undefined);
  endListening();
}
