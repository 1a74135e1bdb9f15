import type { ArtefactId } from '#lib/protocol/ids.ts';
import type { Tier } from '#lib/protocol/job.ts';
import { believedTiers } from '#lib/protocol/believed-tiers.ts';
import { filter } from './filter.ts';
import { queueMs } from './score.ts';
import type { DirectoryEntry, RouteQuery } from './spec.ts';

/** One capacity of the network page: what everybody together can do with one model now. */
export interface Capacity {
  readonly artefact: ArtefactId;
  readonly name: string;
  readonly quantisation: string;
  readonly workers: number;
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  /** Tokens a second with every measured slot at work, as the workers measured themselves. */
  readonly decodeTps: number;
  /** The longest context anybody offers. */
  readonly contextTokens: number;
  /** Without those that workers claim and nobody has checked. */
  readonly tiers: readonly Tier[];
  /** Answered by other providers, whom workers pay. */
  readonly upstream?: true | undefined;
}

/** Models by what is offered now, the best served first. Workers that are draining count for nothing. */
export function capacities(entries: readonly DirectoryEntry[], now: number): readonly Capacity[] {
  const byArtefact = new Map<ArtefactId, Capacity>();
  for (const { offer, expiresAt } of entries) {
    if (offer.draining || expiresAt <= now) continue;
    const seen = new Set<ArtefactId>();
    for (const model of offer.models) {
      if (seen.has(model.artefact)) continue;
      seen.add(model.artefact);
      const capacity = byArtefact.get(model.artefact);
      byArtefact.set(model.artefact, {
        artefact: model.artefact,
        name: capacity?.name ?? model.name,
        quantisation: capacity?.quantisation ?? model.quantisation,
        workers: (capacity?.workers ?? 0) + 1,
        slots: (capacity?.slots ?? 0) + model.slots,
        running: (capacity?.running ?? 0) + model.running,
        queued: (capacity?.queued ?? 0) + model.queued,
        decodeTps: (capacity?.decodeTps ?? 0) + (model.measured?.decodeTps ?? 0) * model.slots,
        contextTokens: Math.max(capacity?.contextTokens ?? 0, model.contextTokens),
        ...(model.upstream ? { upstream: true as const } : {}),
        tiers: [...new Set([...(capacity?.tiers ?? []), ...believedTiers(offer)])].sort(),
      });
    }
  }
  return [...byArtefact.values()].sort((a, b) => b.slots - a.slots || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** The known models that nobody serves: what a newcomer could bring. */
export function unservedModels<M extends { readonly artefact: ArtefactId }>(
  known: readonly M[],
  served: readonly Capacity[],
): readonly M[] {
  const full = new Set(served.map((capacity) => capacity.artefact));
  return known.filter((model) => !full.has(model.artefact));
}

/** The queue for a job, where it is shortest. */
export interface Queue {
  /** Jobs that would start before it. */
  readonly ahead: number;
  /** Milliseconds until it could start. */
  readonly waitMs: number;
}

/**
 * The shortest queue for this job among the workers that can do it, by their offers; undefined when none can. A worker with
 * a full queue still counts: its wait is what the asker would have to sit out.
 */
export function shortestQueue(query: RouteQuery, entries: readonly DirectoryEntry[], now: number): Queue | undefined {
  const queues = entries.flatMap((entry): Queue[] => {
    const result = filter(query, entry, { now, full: 'ask' });
    if (result.type === 'rejection') return [];
    const { model } = result.candidate;
    return [{ ahead: Math.max(0, model.running + model.queued - model.slots + 1), waitMs: queueMs({ entry, model }) }];
  });
  return queues.toSorted((a, b) => a.waitMs - b.waitMs)[0];
}
