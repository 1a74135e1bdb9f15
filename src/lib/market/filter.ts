import { chargeOf, isFree, isPayable } from '#lib/protocol/charge.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import type { Tier } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { understandsMust, type Offer, type OfferedModel } from '#lib/protocol/offer.ts';
import type { Candidate, DirectoryEntry, Rejection, RejectionReason, RouteQuery } from './spec.ts';

export type FilterResult =
  | { readonly type: 'candidate'; readonly candidate: Candidate }
  | { readonly type: 'rejection'; readonly rejection: Rejection };

export interface FilterOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Workers of a model that failed or refused a moment ago; see `breaker.ts`. */
  readonly parked?: ((peer: PeerId, artefact: ArtefactId) => boolean) | undefined;
  /** Tiers that are proven for a worker, by what was checked and never by what it says; none where it is left out. */
  readonly proves?: ((peer: PeerId, tier: Tier) => boolean) | undefined;
  /** The asker's own device, which charges it nothing. */
  readonly self?: PeerId | undefined;
  /** Others that charge this asker nothing, whatever their price: they have the same owner. */
  readonly isGratis?: ((peer: PeerId) => boolean) | undefined;
  /** `ask`: a worker whose offer speaks of a full queue can do the job too. Left out, it cannot. */
  readonly full?: 'ask' | undefined;
}

/** Whether a worker can do the job, and with which of its models; otherwise the first reason why not. */
export function filter(
  query: RouteQuery,
  entry: DirectoryEntry,
  { now, parked, proves, self, isGratis, full }: FilterOptions,
): FilterResult {
  const { offer } = entry;
  const reject = (reason: RejectionReason): FilterResult => ({
    type: 'rejection',
    rejection: { peer: offer.peer, reason },
  });

  if (entry.expiresAt <= now) return reject('expired');
  if (query.only && !query.only.includes(offer.peer)) return reject('not-allowed');
  if (query.ignore?.includes(offer.peer)) return reject('not-allowed');
  if (query.not?.includes(offer.peer)) return reject('tried-already');
  if (!understandsMust(offer)) return reject('version');
  const named = offer.models.filter((model) => matchesModel(query, model));
  if (named.length === 0) return reject('model-not-here');
  if (query.tier !== 'open' && !proves?.(offer.peer, query.tier)) return reject('tier');
  const able = named.filter(({ features }) => (query.features ?? []).every((feature) => features.includes(feature)));
  if (able.length === 0) return reject('feature');
  const accepted = able.filter((model) => isAcceptedForm(query, model));
  if (accepted.length === 0) return reject('quantisation');
  const isFreeHere = offer.peer === self || isGratis?.(offer.peer) === true;
  const affordable = accepted.filter(
    (model) => isFreeHere || (isWithinPrice(query, model) && canPay(query, offer, model)),
  );
  if (affordable.length === 0) return reject('price');
  const wide = affordable.filter((model) => model.contextTokens >= query.contextTokens);
  if (wide.length === 0) return reject('context-too-small');
  if (offer.draining) return reject('draining');
  const isOpen = (model: OfferedModel) => model.running < model.slots || model.queued < limits.workerQueueMax;
  const open = full === 'ask' ? wide : wide.filter(isOpen);
  if (open.length === 0) return reject('queue-full');
  const trusted = open.filter((model) => !parked?.(offer.peer, model.artefact));
  if (trusted.length === 0) return reject('parked');
  return { type: 'candidate', candidate: { entry, model: trusted.reduce(lighter) } };
}

export function matchesModel(query: Pick<RouteQuery, 'model' | 'kind'>, model: OfferedModel): boolean {
  if (!model.kinds.includes(query.kind)) return false;
  // Another provider is asked where it is meant, and nowhere else.
  if (query.model === 'any') return model.upstream === undefined;
  return 'artefact' in query.model ? model.artefact === query.model.artefact : model.name === query.model.name;
}

export const isAcceptedForm = (
  { quantisations }: Pick<RouteQuery, 'quantisations'>,
  { quantisation }: OfferedModel,
): boolean => quantisations?.some((form) => form.toLowerCase() === quantisation.toLowerCase()) ?? true;

/** Whether it is free, or the budget has room for the input and some of an answer, and there is an account to pay to. */
function canPay({ budget, kind, contextTokens }: RouteQuery, { payout }: Offer, { price }: OfferedModel): boolean {
  if (isFree(price)) return true;
  if (budget === undefined || !payout || !isPayable(kind)) return false;
  return chargeOf(price, { in: contextTokens, out: 1 }) <= BigInt(budget);
}

export const isWithinPrice = ({ priceMax }: Pick<RouteQuery, 'priceMax'>, { price }: OfferedModel): boolean =>
  priceMax === undefined || (BigInt(price.in) <= BigInt(priceMax.in) && BigInt(price.out) <= BigInt(priceMax.out));

/** Jobs running and waiting, for each slot. */
export const loadPerSlot = (model: OfferedModel): number => (model.running + model.queued) / model.slots;

const lighter = (a: OfferedModel, b: OfferedModel): OfferedModel => {
  if (loadPerSlot(a) !== loadPerSlot(b)) return loadPerSlot(a) < loadPerSlot(b) ? a : b;
  return (b.measured?.decodeTps ?? 0) > (a.measured?.decodeTps ?? 0) ? b : a;
};
