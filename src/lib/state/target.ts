import type { Tier } from '#lib/protocol/job.ts';
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

/** What whoever answers has to have, besides the model. */
export interface Needs {
  /** Only those that claim it are shown; whether it is believed is looked up when the question is asked. */
  readonly tier?: Exclude<Tier, 'open'> | undefined;
  /** To see pictures: those of this question, or only earlier ones, which are left out where nobody does. */
  readonly sight?: 'must' | 'rather' | undefined;
}

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
  needs: Needs = {},
): RoutePreview {
  const local = library.models.find((model) => model.name === library.loaded);
  const fitting = local && (target.model === 'any' || target.model === local.name);
  if (target.by === 'this-device') {
    return fitting
      ? { kind: 'this-device', model: local.name, contextTokens: local.contextTokens }
      : { kind: 'load-first', model: target.model === 'any' ? undefined : target.model };
  }
  const serving = servingOffers(network, target);
  const { tier } = needs;
  const affordable = serving.filter((view) => isWithin(paying, view, target));
  const within = tier ? affordable.filter(({ offer }) => offer.payout && offer.tiers.includes(tier)) : affordable;
  const seeing = needs.sight ? within.filter((view) => modelOf(view, target, 'vision')) : [];
  const offers = seeing.length > 0 || needs.sight === 'must' ? seeing : within;
  const feature = seeing.length > 0 ? 'vision' : undefined;
  const likely = offers[0];
  if (likely) {
    return {
      kind: 'network',
      offers,
      model: modelOf(likely, target, feature)!.name,
      contextTokens: Math.min(...offers.map((view) => modelOf(view, target, feature)!.contextTokens)),
      waiting: waitingFor(likely, target),
    };
  }
  if (affordable.length > 0) return { kind: 'none', why: 'not-fitting' };
  if (fitting && !tier && target.by === 'anyone') {
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

/** Whether a worker that can take a question for this target now has this feature. */
export function isOffered(feature: string, target: Target, network: NetworkView, preview: RoutePreview): boolean {
  const offers = preview.kind === 'network' ? preview.offers : network.offers.filter(({ self }) => self);
  const asked: Target = preview.kind === 'this-device' ? { model: preview.model, by: 'anyone' } : target;
  return offers.some((view) => modelOf(view, asked, feature));
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
    .sort((a, b) => load(a, target) - load(b, target) || speed(b, target) - speed(a, target));
}

/** Without a relay an offer may be out of date, so only this device and connected peers count. */
function reachable({ offer, self }: OfferView, { phase, connections }: NetworkView): boolean {
  return phase === 'online' || self || connections.some(({ peer }) => peer === offer.peer);
}

function modelOf({ offer }: OfferView, { model: name }: Target, feature?: string) {
  return offer.models.find(
    ({ kinds, name: own, features }) =>
      kinds.includes('chat') && (name === 'any' || own === name) && (!feature || features.includes(feature)),
  );
}

function load(view: OfferView, target: Target): number {
  const model = modelOf(view, target)!;
  return Math.max(0, model.running + model.queued - model.slots + 1) / model.slots;
}

const speed = (view: OfferView, target: Target): number => modelOf(view, target)!.measured?.decodeTps ?? 0;

function waitingFor(view: OfferView, target: Target) {
  const model = modelOf(view, target)!;
  const before = Math.max(0, model.running + model.queued - model.slots + 1);
  if (before === 0) return undefined;
  const tps = model.measured?.decodeTps || 10;
  return { position: before, seconds: Math.ceil((before * typicalAnswerTokens) / tps / model.slots) };
}
