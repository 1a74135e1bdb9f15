import { isAcceptedForm, isWithinPrice } from '#lib/market/filter.ts';
import { resolveModel } from '#lib/market/names.ts';
import type { Directory, DirectoryEntry, WorkerConditions } from '#lib/market/spec.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { artefactIdSchema, type ArtefactId, type PeerId } from '#lib/protocol/ids.ts';
import { needsOf, type Tier, type Work } from '#lib/protocol/job.ts';
import { upstreamName, type OfferedModel } from '#lib/protocol/offer.ts';

/** The models that are served now, by the directory. */
export interface ModelList {
  /** Sorted by name. */
  list(): readonly ListedModel[];
  /** By name or artefact id; undefined while it is not served. */
  find(id: string): ListedModel | undefined;
  /** That of `find`, alone. */
  contextTokens(id: string): number | undefined;
  /** Whether the name is known even if it is not served now: from the catalog, or seen before. */
  knows(id: string): boolean;
  /** Tiers above the open one that are checked here, if any. */
  readonly tiers: readonly Tier[];
  /** Every offer of it by a worker that accepts work; all offers for `auto`. */
  offersOf(id: string): readonly ModelOffer[];
}

/** A model, as one peer serves it. */
export interface ModelOffer {
  readonly peer: PeerId;
  readonly model: OfferedModel;
}

export interface ListedModel {
  readonly id: string;
  readonly artefacts: readonly ArtefactId[];
  readonly peers: number;
  /** The largest among its workers. */
  readonly contextTokens: number;
  /** Kinds of work and features of at least one worker. */
  readonly kinds: readonly string[];
  readonly features: readonly string[];
}

/** Stands for any model. */
const anyModel = 'auto';

/** Names remembered after their workers have gone; the oldest are dropped first. */
const namesSeenMax = 1_024;

export function createModelList(
  directory: Directory,
  catalog: readonly string[],
  tiers: readonly Tier[] = [],
): ModelList {
  const seen = new Set<string>();
  directory.onChange((change) => {
    if (change.type !== 'offer') return;
    for (const model of change.entry.offer.models) {
      for (const id of [model.name, model.artefact]) {
        seen.delete(id);
        seen.add(id);
      }
    }
    for (const id of seen) {
      if (seen.size <= namesSeenMax) break;
      seen.delete(id);
    }
  });

  const serving = (model: AskRequest['model']) => directory.serving(model).filter(({ offer }) => !offer.draining);
  /** The matching models of these workers. */
  const modelsOf = (entries: readonly DirectoryEntry[], matches: (model: OfferedModel) => boolean) =>
    entries.flatMap(({ offer: { peer, models } }) =>
      models.filter(matches).map((model): ModelOffer => ({ peer, model })),
    );
  const named = (name: string) => modelsOf(serving({ name }), (model) => model.name === name);
  const ofArtefact = (artefact: string) => modelsOf(serving({ artefact }), (model) => model.artefact === artefact);
  /** A full name also identifies the peer. */
  const ofPeer = (name: string) => {
    const meant = resolveModel({ name }, new Map(), directory.serving);
    if (meant.type !== 'one') return [];
    const own = serving(meant.model).filter(({ offer }) => offer.peer === meant.peer);
    return modelsOf(own, ({ artefact }) => artefact === meant.model.artefact);
  };
  // A request scans only the workers of its model; only `list` scans them all.
  const offersOf = (id: string): readonly ModelOffer[] => {
    if (id === anyModel) return modelsOf(serving('any'), () => true);
    for (const offers of [named, ofArtefact, ofPeer]) {
      const found = offers(id);
      if (found.length > 0) return found;
    }
    return [];
  };
  const collect = (offers: readonly ModelOffer[]): readonly ListedModel[] =>
    [
      ...Map.groupBy(
        offers.map(({ model }) => model),
        ({ name }) => name,
      ),
    ]
      .map(([name, models]) => describe(name, models))
      .sort((a, b) => (a.id < b.id ? -1 : 1));

  return {
    tiers,
    list: () =>
      collect(
        modelsOf(
          directory.entries().filter(({ offer }) => !offer.draining),
          () => true,
        ),
      ),
    find: (id) => (id === anyModel ? undefined : collect(offersOf(id))[0]),
    contextTokens(id) {
      if (id === anyModel) return undefined;
      const offers = offersOf(id);
      // An artefact may have several names; of one name there is nothing to choose.
      const isOne = offers.every(({ model }) => model.name === offers[0]!.model.name);
      if (!isOne) return collect(offers)[0]?.contextTokens;
      return offers.reduce<number | undefined>(
        (most, { model }) => Math.max(most ?? 0, model.contextTokens),
        undefined,
      );
    },
    knows: (id) =>
      catalog.includes(id) ||
      seen.has(id) ||
      offersOf(id).length > 0 ||
      // Its own servers may have been away since this relay began.
      offersOf(upstreamName(id)).length > 0 ||
      resolveModel({ name: id }, new Map(), directory.serving).type !== 'nobody',
    offersOf,
  };
}

const describe = (id: string, offers: readonly OfferedModel[]): ListedModel => ({
  id,
  artefacts: sorted(offers.map(({ artefact }) => artefact)),
  peers: offers.length,
  contextTokens: Math.max(...offers.map(({ contextTokens }) => contextTokens)),
  kinds: sorted(offers.flatMap(({ kinds }) => kinds)),
  features: sorted(offers.flatMap(({ features }) => features)),
});

const sorted = (words: readonly string[]): readonly string[] => [...new Set(words)].sort();

/** The model that a request names. @throws `model-not-found`. */
export function readModel(id: string, models: ModelList): AskRequest['model'] {
  if (id === anyModel) return 'any';
  if (!models.knows(id)) {
    throw wireError(
      'model-not-found',
      `The model "${id.slice(0, 128)}" is not known here. GET /v1/models lists the models that are served.`,
      { details: { param: 'model' } },
    );
  }
  return id.length === 64 && artefactIdSchema.safeParse(id).success ? { artefact: id } : { name: id };
}

/** The request parameter that needs each feature. */
const paramsByFeature: Readonly<Record<string, string>> = {
  tools: 'tools',
  'json-schema': 'response_format',
  logprobs: 'logprobs',
  'logit-bias': 'logit_bias',
  vision: 'messages',
};

/**
 * Refuses a job whose requirements no worker of the model can meet. If the model is not served at all, that error is left
 * to the network.
 * @param params names of the route's own for what needs a feature.
 * @throws `feature-unavailable`, with the feature and the parameter that needs it; `no-peer-available`, `price`, with the
 * condition that no worker meets.
 */
export function assertSupported(
  model: string,
  work: Work,
  conditions: WorkerConditions,
  models: ModelList,
  params: Readonly<Record<string, string>> = {},
): void {
  const offers = models.offersOf(model);
  if (offers.length === 0) return;
  const name = model === anyModel ? 'any model' : `"${model}"`;
  const doing = offers.filter((offer) => offer.model.kinds.includes(work.kind));
  const refuse = (feature: string, param: string, message: string) =>
    wireError('feature-unavailable', message, { details: { param, feature } });
  if (doing.length === 0) {
    const does = sorted(offers.flatMap((offer) => offer.model.kinds)).join(', ');
    throw refuse(
      work.kind,
      'model',
      `No peer that serves ${name} does "${work.kind}" (only ${does}). Choose another model.`,
    );
  }
  const needs = needsOf(work);
  const able = doing.filter((offer) => needs.every((need) => offer.model.features.includes(need)));
  if (able.length > 0) return assertConditionsMet(name, able, conditions);
  const missing = needs.find((need) => !doing.some((offer) => offer.model.features.includes(need)));
  const feature = missing ?? needs.join('" and "');
  const needed = missing ?? needs[0]!;
  const param = params[needed] ?? paramsByFeature[needed] ?? 'model';
  throw refuse(
    feature,
    param,
    `No peer that serves ${name} now offers "${feature}", which "${param}" needs. Leave it out or choose another model.`,
  );
}

/** Conditions of the caller, in the order in which they are looked at. */
const conditionTests: readonly {
  readonly param: string;
  readonly code: 'no-peer-available' | 'feature-unavailable' | 'price';
  readonly meets: (offer: ModelOffer, conditions: WorkerConditions) => boolean;
}[] = [
  {
    param: 'provider.only',
    code: 'no-peer-available',
    meets: ({ peer }, { only }) => only?.includes(peer) ?? true,
  },
  {
    param: 'provider.ignore',
    code: 'no-peer-available',
    meets: ({ peer }, { ignore }) => ignore?.includes(peer) !== true,
  },
  {
    param: 'provider.quantizations',
    code: 'feature-unavailable',
    meets: ({ model }, conditions) => isAcceptedForm(conditions, model),
  },
  { param: 'provider.max_price', code: 'price', meets: ({ model }, conditions) => isWithinPrice(conditions, model) },
];

function assertConditionsMet(name: string, offers: readonly ModelOffer[], conditions: WorkerConditions): void {
  let left = offers;
  for (const { param, code, meets } of conditionTests) {
    left = left.filter((offer) => meets(offer, conditions));
    if (left.length > 0) continue;
    const message = `No peer that serves ${name} and can do this now meets "${param}". Loosen it or choose another model.`;
    throw wireError(code, message, { details: { param } });
  }
}
