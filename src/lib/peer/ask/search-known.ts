import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Random } from '#lib/base/random.ts';
import { searchedModel, type Catalogue } from '#lib/market/names.ts';
import { route, type Route, type RouteOptions } from '#lib/market/route.ts';
import { jobsAt } from '#lib/market/score.ts';
import type { Share } from '#lib/market/share.ts';
import type { Candidate, Directory, RouteQuery } from '#lib/market/spec.ts';
import type { Net } from '#lib/net/spec.ts';
import type { Purse } from '#lib/pay/ports.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { maxTokensOf } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import type { Search } from '../presence/discovery-client.ts';
import type { AskerState, Next } from '../session/asker-spec.ts';
import { directHeadStartMs } from '../session/asker-waits.ts';
import { isWayLost } from '../session/attempt-end.ts';
import type { AskRequest } from '../spec.ts';
import type { TierCheck } from '../tiers/check.ts';
import type { TrackRecord } from '../track-record.ts';
import type { Zones } from '../zones.ts';
import type { AskedJobs } from './asked-jobs.ts';
import type { Conversations } from './conversations.ts';
import type { Hedging } from './hedging.ts';
import type { PayWays } from './pay-ways.ts';
import { toRouteQuery } from './request.ts';
import { resumeQueries } from './resume-route.ts';

/** Where no other worker is left, one to which the connection failed is asked again: so often, after a pause that doubles. */
const redialsMax = 3;
const redialPauseMs = 250;

export type RoutingAttempt = NonNullable<RouteOptions['attempt']>;

/** What choosing a worker needs: the consumer's components, with their defaults filled in. */
export interface AskContext {
  readonly net: Net;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly catalogue?: Catalogue | undefined;
  readonly firstOfferTimeoutMs?: number | undefined;
  readonly search?: Search | undefined;
  readonly kinds: KindTable;
  readonly trackRecord: TrackRecord;
  readonly askedJobs: AskedJobs;
  readonly trials: Share;
  readonly zones: Zones;
  readonly conversations: Conversations;
  readonly hedging: Hedging;
  /** Pays for jobs; without it only free workers are asked. */
  readonly purse?: Purse | undefined;
  readonly payWays: PayWays;
  readonly isGratis?: ((worker: PeerId) => boolean) | undefined;
  /** Looks tiers up; without it no worker is believed more than the open one. */
  readonly tierCheck?: TierCheck | undefined;
}

export const routeFor = (
  query: RouteQuery,
  request: AskRequest,
  context: AskContext,
  { attempt = 'first', full }: Pick<RouteOptions, 'attempt' | 'full'> = {},
): Route => {
  const { catalogue, clock, conversations, directory, isGratis, net, random } = context;
  const { trackRecord, trials, zones, tierCheck } = context;
  const { standing, isParked, known, underWay } = trackRecord;
  const knowledge = {
    standing,
    known,
    underWay,
    // One that was convicted is asked last, whatever the tier.
    isBenched: (peer: PeerId, artefact: ArtefactId) => isParked(peer, artefact) || !!tierCheck?.isConvicted(peer),
    proves: tierCheck?.proves,
    paying: context.payWays.paying(query.budget),
    ...zones,
  };
  return route(query, directory, knowledge, {
    catalogue,
    full,
    random,
    attempt,
    holder: conversations.worker(request),
    now: clock.now(),
    self: net.self,
    isGratis,
    trial: trialFor(request, trials),
    tokensOut: maxTokensOf(request),
  });
};

const noCatalogue: Catalogue = new Map();

/** Those that could do it, by the model alone. */
function servingOf(model: AskRequest['model'], { catalogue = noCatalogue, directory }: AskContext) {
  const { artefact, name = '' } = searchedModel(model, catalogue);
  return directory.serving(model === 'any' ? model : artefact === undefined ? { name } : { artefact });
}

/** Has the purse opened where a hub and whom it asks could both be paid, before any of them is looked at. */
export const preparePayWays = (
  { model, budget }: AskRequest,
  context: AskContext,
  options: AbortOptions,
): Promise<void> => context.payWays.prepare(budget, servingOf(model, context), options);

/** Has the bonds looked up of those that could do it, before any of them is looked at. */
export async function checkTiers(
  { model, tier }: AskRequest,
  context: AskContext,
  { signal }: AbortOptions,
): Promise<void> {
  const { tierCheck } = context;
  if (tier === 'open' || !tierCheck) return;
  await tierCheck.prepare(
    servingOf(model, context).map(({ offer }) => offer),
    tier,
    { signal },
  );
}

/** Newcomers whose kind of work has no canaries get the same share without them. */
function trialFor({ kind }: AskRequest, trials: Share): RouteOptions['trial'] {
  if (!trials.isDue) return undefined;
  return kind === 'chat' || kind === 'completion' ? 'admitted' : 'anybody';
}

/** What the next worker is chosen for. */
interface Choice {
  readonly state: AskerState;
  readonly effect: Next;
}

/** What a worker is searched for, the best sort first. */
export const queriesOf = (
  request: AskRequest,
  choice: Choice,
  { kinds, directory }: AskContext,
): readonly RouteQuery[] =>
  resumeQueries(
    {
      ...toRouteQuery(request, choice.effect.tried, kinds, resumedArtefact(choice)),
      budget: budgetLeft(request, choice.state)?.toString(),
    },
    choice,
    directory,
  );

/** What the job may cost still, over all of its attempts. */
export function budgetLeft({ budget }: AskRequest, { spent }: AskerState): bigint | undefined {
  if (budget === undefined) return undefined;
  const left = BigInt(budget) - spent;
  return left > 0n ? left : 0n;
}

const resumedArtefact = ({ effect, state }: Choice) => (effect.resume ? state.job.job?.artefact : undefined);

/**
 * Searches the workers that are known now and were not tried yet: in the order that was asked for, then the one that is
 * connected already, then all; and where there is none, those again to which only the connection failed.
 */
export function searchKnown(
  request: AskRequest,
  choice: Choice & { readonly attempt: RoutingAttempt; readonly cutOff: readonly CutOffWorker[] },
  context: AskContext,
): Route {
  const { attempt, cutOff, state } = choice;
  const { successor } = state;
  const queries = queriesOf(request, choice, context);
  const routeAmong = (one: RouteQuery, peers?: readonly PeerId[], full?: RouteOptions['full']) => {
    const only = peers ? peers.filter((peer) => one.only?.includes(peer) ?? true) : one.only;
    return routeFor({ ...one, only }, request, context, { attempt, full });
  };
  for (const peer of request.order ?? []) {
    // A peer of this process may have slots that its offer leaves out, since they are its owner's.
    const full = context.zones.isOwn(peer) ? 'ask' : undefined;
    const preferred = firstOf(queries, (one) => routeAmong(one, [peer], full));
    if (preferred.candidate) return preferred;
  }
  const found = firstOf(queries, (one) => {
    const any = routeAmong(one);
    // The last try belongs to the best-known worker.
    if (successor === undefined || attempt === 'last') return any;
    return connectedOr(routeAmong(one, [successor]), any, context);
  });
  const due = cutOff.filter(({ dueAt }) => dueAt <= context.clock.now()).map(({ peer }) => peer);
  if (found.candidate || found.refusal || due.length === 0) return found;
  const again = firstOf(queries, (one) => routeAmong({ ...one, not: [] }, due));
  return again.candidate ? again : found;
}

interface CutOffWorker {
  readonly peer: PeerId;
  readonly dueAt: number;
}

/** Workers to which only the connection failed, each with the time from which it may be asked again. */
export function cutOffWorkers({ job }: AskerState): readonly CutOffWorker[] {
  return [...Map.groupBy(job.attempts, ({ worker }) => worker.peer)].flatMap(([peer, tries]) => {
    if (!tries.every(({ error }) => error && isWayLost(error))) return [];
    const fruitless = tries.filter(({ fromToken, toToken }) => toToken === fromToken).length;
    if (fruitless >= redialsMax) return [];
    return { peer, dueAt: tries.at(-1)!.chosenAt + redialPauseMs * 2 ** Math.max(0, fruitless - 1) };
  });
}

/**
 * The worker that is connected already, unless it is busy by now, another is trusted more, or comes from a zone in which
 * strangers have kept more promises: since the first was drawn, one more may have been broken. A stranger gets one job at a
 * time.
 */
function connectedOr(connected: Route, other: Route, { zones, trackRecord }: AskContext): Route {
  const { candidate } = connected;
  if (!candidate || !other.candidate) return other;
  const { model, entry } = candidate;
  const underWay = (since?: number) => trackRecord.underWay(entry.offer.peer, model.artefact, since);
  if (jobsAt(candidate, underWay) >= model.slots) return other;
  if (isTrusted(connected)) return connected;
  const broken = (one: Candidate) => zones.brokenIn(zones.zone(one.entry.offer.peer));
  return isTrusted(other) || underWay() > 0 || broken(candidate) > broken(other.candidate) ? other : connected;
}

/** By this asker. */
export const isTrusted = ({ level }: Pick<Route, 'level'>): boolean =>
  level === 'self' || level === 'own' || level === 'established';

/** The first query that finds a worker this asker trusts; else the first that finds any. */
function firstOf(queries: readonly RouteQuery[], routeBy: (query: RouteQuery) => Route): Route {
  const routes = queries.map(routeBy);
  return routes.find(isTrusted) ?? routes.find(({ candidate }) => candidate) ?? routes.at(-1)!;
}

/** Opens a channel to the worker that would be asked next. Undefined where there is none, or where there is nothing to dial. */
export async function prepareSuccessor(
  request: AskRequest,
  choice: Choice & { readonly signal: AbortSignal },
  context: AskContext,
): Promise<PeerId | undefined> {
  const { candidate } = searchKnown(request, { ...choice, attempt: 'again', cutOff: [] }, context);
  if (!candidate || candidate.entry.offer.peer === context.net.self) return undefined;
  const { peer, addrs } = candidate.entry.offer;
  await context.net.prepare(peer, jobProtocol, {
    addrs,
    signal: choice.signal,
    directTimeoutMs: directHeadStartMs,
  });
  return peer;
}
