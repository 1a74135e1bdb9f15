import { resolveModel } from '#lib/market/names.ts';
import type { Directory, DirectoryEntry } from '#lib/market/spec.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { artefactIdSchema, type ArtefactId } from '#lib/protocol/ids.ts';
import { needsOf, type Work } from '#lib/protocol/job.ts';
import type { OfferedModel } from '#lib/protocol/offer.ts';

/** The models that can be asked for, as the directory knows them now. */
export interface Shelf {
  /** By name, in the order of names. */
  list(): readonly ShelfModel[];
  /** By name or artefact id; undefined while nobody serves it. */
  find(id: string): ShelfModel | undefined;
  /** Whether the name means something here even when nobody serves it now: of the catalog, or seen before. */
  knows(id: string): boolean;
  /** Every offer of it by a worker that takes work; of all models for `auto`. */
  offersOf(id: string): readonly OfferedModel[];
}

export interface ShelfModel {
  readonly id: string;
  readonly artefacts: readonly ArtefactId[];
  readonly peers: number;
  /** Of the widest worker. */
  readonly contextTokens: number;
  /** What at least one of its workers does and can. */
  readonly kinds: readonly string[];
  readonly features: readonly string[];
}

/** Asks for whatever is there. */
const anyModel = 'auto';

/** Names remembered of workers that went away; the oldest are forgotten first. */
const namesSeenMax = 1_024;

export function createShelf(directory: Directory, catalog: readonly string[]): Shelf {
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
  /** Models of these workers, by what they are asked by. */
  const modelsOf = (entries: readonly DirectoryEntry[], matches: (model: OfferedModel) => boolean) =>
    entries.flatMap(({ offer }) => offer.models.filter(matches));
  const named = (name: string) => modelsOf(serving({ name }), (model) => model.name === name);
  const ofArtefact = (artefact: string) => modelsOf(serving({ artefact }), (model) => model.artefact === artefact);
  /** A full name says whose it is. */
  const ofPeer = (name: string) => {
    const meant = resolveModel({ name }, new Map(), directory.serving);
    if (meant.type !== 'one') return [];
    const own = serving(meant.model).filter(({ offer }) => offer.peer === meant.peer);
    return modelsOf(own, ({ artefact }) => artefact === meant.model.artefact);
  };
  // A request looks only at those that list the model; the list of all is for whoever asks for it.
  const offersOf = (id: string): readonly OfferedModel[] => {
    if (id === anyModel) return modelsOf(serving('any'), () => true);
    for (const offers of [named, ofArtefact, ofPeer]) {
      const found = offers(id);
      if (found.length > 0) return found;
    }
    return [];
  };
  const collect = (models: readonly OfferedModel[]): readonly ShelfModel[] =>
    [...Map.groupBy(models, ({ name }) => name)]
      .map(([name, offers]) => describe(name, offers))
      .sort((a, b) => (a.id < b.id ? -1 : 1));

  return {
    list: () =>
      collect(
        modelsOf(
          directory.entries().filter(({ offer }) => !offer.draining),
          () => true,
        ),
      ),
    find: (id) => (id === anyModel ? undefined : collect(offersOf(id))[0]),
    knows: (id) =>
      catalog.includes(id) ||
      seen.has(id) ||
      offersOf(id).length > 0 ||
      resolveModel({ name: id }, new Map(), directory.serving).type !== 'nobody',
    offersOf,
  };
}

const describe = (id: string, offers: readonly OfferedModel[]): ShelfModel => ({
  id,
  artefacts: sorted(offers.map(({ artefact }) => artefact)),
  peers: offers.length,
  contextTokens: Math.max(...offers.map(({ contextTokens }) => contextTokens)),
  kinds: sorted(offers.flatMap(({ kinds }) => kinds)),
  features: sorted(offers.flatMap(({ features }) => features)),
});

const sorted = (words: readonly string[]): readonly string[] => [...new Set(words)].sort();

/** The model as a request names it. @throws `model-not-found`. */
export function readModel(id: string, shelf: Shelf): AskRequest['model'] {
  if (id === anyModel) return 'any';
  if (!shelf.knows(id)) {
    throw wireError(
      'model-not-found',
      `Nobody here knows the model "${id.slice(0, 128)}". GET /v1/models lists them.`,
      { details: { param: 'model' } },
    );
  }
  return artefactIdSchema.safeParse(id).success ? { artefact: id } : { name: id };
}

/** Members of a request by the feature of a model that they need. */
const paramsByFeature: Readonly<Record<string, string>> = {
  tools: 'tools',
  'json-schema': 'response_format',
  logprobs: 'logprobs',
  'logit-bias': 'logit_bias',
  vision: 'messages',
};

/**
 * A hard wish is met or refused before work. Where nobody serves the model at all, that is for the network to say.
 * @throws `feature-unavailable`, naming the feature and the member that needs it.
 */
export function assertAble(model: string, work: Work, shelf: Shelf): void {
  const offers = shelf.offersOf(model);
  if (offers.length === 0) return;
  const name = model === anyModel ? 'any model' : `"${model}"`;
  const doing = offers.filter(({ kinds }) => kinds.includes(work.kind));
  const refuse = (feature: string, param: string, message: string) =>
    wireError('feature-unavailable', message, { details: { param, feature } });
  if (doing.length === 0) {
    const does = sorted(offers.flatMap(({ kinds }) => kinds)).join(', ');
    throw refuse(
      work.kind,
      'model',
      `Nobody who serves ${name} does "${work.kind}" (only ${does}). Choose another model.`,
    );
  }
  const needs = needsOf(work);
  if (doing.some(({ features }) => needs.every((need) => features.includes(need)))) return;
  const missing = needs.find((need) => !doing.some(({ features }) => features.includes(need)));
  const feature = missing ?? needs.join('" and "');
  const param = paramsByFeature[missing ?? needs[0]!] ?? 'model';
  throw refuse(
    feature,
    param,
    `Nobody who serves ${name} now offers "${feature}", which "${param}" needs. Leave it out or choose another model.`,
  );
}
