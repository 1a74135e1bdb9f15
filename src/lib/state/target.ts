import { chargeOf, isFree } from '#lib/protocol/charge-of.ts';
import type { LibraryView } from './library.ts';
import { servingNetwork, type NetworkView, type OfferView } from './network.ts';
import type { Paying } from './wallet.ts';

/** The target of the next question. */
export interface Target {
  /** A model name, or any model. */
  readonly model: string | 'any';
  /** `anyone` serving the model, `this-device`, or a peer id. */
  readonly by: string;
}

/** What is known about a question's route before it is sent. */
export type RoutePreview =
  | {
      readonly kind: 'network';
      /** Offers that can take it now, the likeliest first. */
      readonly offers: readonly OfferView[];
      readonly model: string;
      readonly contextTokens: number;
      /** If all are busy: jobs ahead of this one at the likely worker, and seconds until it starts. */
      readonly waiting: { readonly position: number; readonly seconds: number } | undefined;
    }
  | { readonly kind: 'this-device'; readonly model: string; readonly contextTokens: number }
  /** This device is the target, but no model is loaded, or not the requested one. */
  | { readonly kind: 'load-first'; readonly model: string | undefined }
  /** `not-fitting`: it is served, and nobody has what the question needs. */
  | { readonly kind: 'none'; readonly why: 'starting' | 'offline' | 'not-served' | 'peer-gone' | 'not-fitting' }
  /** Only these workers serve it, which ask for money, and this page may not pay, or not as much. */
  | { readonly kind: 'none'; readonly why: 'asks-money'; readonly offers: readonly OfferView[] };

export const anyPeer: Target = { model: 'any', by: 'anyone' };
export const thisDevice: Target = { model: 'any', by: 'this-device' };

/** Typical answer length, for estimating queue times. */
const typicalAnswerTokens = 200;

/** @param paying what this page may pay for the answer; without it, only free workers answer. */
export function previewRoute(
  target: Target,
  network: NetworkView,
  library: LibraryView,
  paying?: Paying,
): RoutePreview {
  const here = library.loaded.find((name) => target.model === 'any' || target.model === name);
  const local = library.models.find((model) => model.name === here);
  if (target.by === 'this-device') {
    return local
      ? { kind: 'this-device', model: local.name, contextTokens: local.contextTokens }
      : { kind: 'load-first', model: target.model === 'any' ? undefined : target.model };
  }
  const serving = servingOffers(network, target);
  const offers = serving.filter((view) => isWithin(paying, view, target));
  const likely = offers[0];
  if (likely) {
    const model = modelOf(likely, target)!;
    return {
      kind: 'network',
      offers,
      model: model.name,
      contextTokens: Math.min(...offers.map((view) => modelOf(view, target)!.contextTokens)),
      waiting: waitingFor(likely, target),
    };
  }
  if (local && target.by === 'anyone') {
    return { kind: 'this-device', model: local.name, contextTokens: local.contextTokens };
  }
  if (serving.length > 0) return { kind: 'none', why: 'asks-money', offers: serving };
  if (target.by !== 'anyone') return { kind: 'none', why: 'peer-gone' };
  if (network.phase === 'offline') return { kind: 'none', why: 'offline' };
  if (network.phase !== 'online') return { kind: 'none', why: 'starting' };
  return { kind: 'none', why: 'not-served' };
}

/** Tokens of a short question: what a job costs at least. */
const shortQuestionTokens = 128;

/** Whether it is free here, or the budget has room for a short question and the first word of its answer. */
function isWithin(paying: Paying | undefined, view: OfferView, target: Target): boolean {
  const { price } = modelOf(view, target)!;
  if (view.self || isFree(price)) return true;
  if (!paying || view.offer.payout?.chain !== paying.chain) return false;
  return chargeOf(price, { in: shortQuestionTokens, out: 1 }) <= paying.budget;
}

/** Names of models currently served, in alphabetical order. */
export function servedModels(network: NetworkView): readonly string[] {
  const names = servingNetwork(network.offers).flatMap((view) => view.offer.models.map((model) => model.name));
  return [...new Set(names)].sort();
}

/** Matching offers, least busy first, then fastest. A prediction: actual routing chooses among the best. */
function servingOffers(network: NetworkView, target: Target): readonly OfferView[] {
  return network.offers
    .filter((view) => !view.offer.draining && modelOf(view, target))
    .filter((view) => target.by === 'anyone' || view.offer.peer === target.by)
    .filter((view) => reachable(view, network))
    .sort((a, b) => compare(modelOf(a, target)!, modelOf(b, target)!));
}

/** Without a relay an offer may be out of date, so only this device and connected peers count. */
function reachable({ offer, self }: OfferView, { phase, connections }: NetworkView): boolean {
  return phase === 'online' || self || connections.some(({ peer }) => peer === offer.peer);
}

/** Of its models that the target could mean a free one, the least busy, then the fastest. */
export function modelOf({ offer }: OfferView, { model: name }: Target) {
  return offer.models
    .filter(({ kinds, name: own }) => kinds.includes('chat') && (name === 'any' || own === name))
    .sort((a, b) => Number(isFree(b.price)) - Number(isFree(a.price)) || compare(a, b))[0];
}

type Offered = OfferView['offer']['models'][number];

const compare = (a: Offered, b: Offered): number => load(a) - load(b) || speed(b) - speed(a);

const load = ({ running, queued, slots }: Offered): number => Math.max(0, running + queued - slots + 1) / slots;

const speed = ({ measured }: Offered): number => measured?.decodeTps ?? 0;

export function waitingFor(view: OfferView, target: Target) {
  const model = modelOf(view, target)!;
  const before = Math.max(0, model.running + model.queued - model.slots + 1);
  if (before === 0) return undefined;
  const tps = model.measured?.decodeTps || 10;
  return { position: before, seconds: Math.ceil((before * typicalAnswerTokens) / tps / model.slots) };
}
