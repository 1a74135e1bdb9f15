import type { Clock } from '#lib/base/clock.ts';
import { fromErrorRecord } from '#lib/base/errors.ts';
import { randomId } from '#lib/base/ids.ts';
import type { Random } from '#lib/base/random.ts';
import type { EngineEvent, LoadedModel, ModelEntry } from '#lib/engine/spec.ts';
import type { AskRequest, Consumer } from '#lib/peer/spec.ts';
import { chargeOf, inputUnitsMax } from '#lib/protocol/charge.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { partTokens } from '#lib/protocol/output.ts';
import type { Price } from '#lib/protocol/price.ts';
import type { Legs } from './legs.ts';

export interface HubEngineInit {
  /** Asks with the purse of `legs`. */
  readonly consumer: Consumer;
  readonly legs: Pick<Legs, 'leg'>;
  readonly clock: Clock;
  readonly random: Random;
  /** What a job may cost at providers, by its id here; ends with the returned function. Undefined: nothing now. */
  readonly allow: (id: string, units: bigint) => (() => void) | undefined;
  /** Of a job, in units. */
  readonly jobMax: bigint;
  /** The highest that providers are paid: below the hub's own. */
  readonly priceMax: Price;
  /** Who may be asked for a model now: providers with a price, and no other hub. */
  readonly providersOf: (artefact: string) => readonly PeerId[];
}

/** What of a model a hub can offer: as much as each of its providers. */
export interface HubModel extends Pick<LoadedModel, 'contextTokens' | 'kinds' | 'features' | 'slots'> {
  readonly entry: ModelEntry;
}

/** It runs nothing itself. */
const hubEngineInfo = { name: 'hub', build: '1', deviceClass: 'remote' } as const;
const namesMax = 256;

/**
 * A model that others have: each job is asked of a provider, and goes on at another where one is lost, paid out of what
 * its asker pays for it. Where that does not cover another reading of the prompt, the job fails and its asker resumes it itself.
 */
export function createHubModel(
  { entry, ...model }: HubModel,
  { consumer, legs, clock, random, allow, jobMax, priceMax, providersOf }: HubEngineInit,
): LoadedModel {
  return {
    ...model,
    model: entry,
    engine: hubEngineInfo,
    hub: true,
    async *doStream({ job, blobs, ...work }, { signal }): AsyncGenerator<EngineEvent> {
      const leg = job === undefined ? undefined : legs.leg(job);
      const only = providersOf(entry.artefact).slice(0, namesMax);
      if (!leg) throw wireError('payment-required');
      if (only.length === 0) throw wireError('busy');
      const id = randomId(random);
      const most = chargeOf(priceMax, { in: inputUnitsMax(work), out: tokensOf(work) });
      const units = most < jobMax ? most : jobMax;
      const ending = [leg.pay(id), allow(id, units)];
      const startedMs = clock.elapsed();
      let [firstMs, lastMs]: [number | undefined, number] = [undefined, startedMs];
      try {
        const asked = {
          id,
          model: { artefact: entry.artefact },
          tier: 'open',
          only,
          budget: units.toString(),
          priceMax,
        };
        for await (const event of consumer.ask({ ...work, ...asked, blobs } as AskRequest, { signal })) {
          if (event.type === 'job-failed') throw fromErrorRecord(event.error);
          if (event.type === 'job-cancelled') throw wireError('cancelled');
          if (event.type === 'part-received') {
            if (partTokens(event.part) > 0) {
              lastMs = clock.elapsed();
              firstMs ??= lastMs;
            }
            yield event.part;
          }
          if (event.type !== 'job-finished') continue;
          const { usage, reason } = event;
          if (reason === 'unpaid' || reason === 'cancelled') throw wireError('peer-failed');
          const timings = { ttftMs: (firstMs ?? lastMs) - startedMs, decodeMs: lastMs - (firstMs ?? lastMs) };
          const known = reason === 'budget' ? 'length' : reason;
          yield { type: 'finish', reason: known, usage, timings } as Extract<EngineEvent, { type: 'finish' }>;
          return;
        }
      } finally {
        for (const end of ending) end?.();
      }
    },
    unload: async () => undefined,
  };
}

const tokensOf = ({ params }: { readonly params: object }): number =>
  'maxTokens' in params && typeof params.maxTokens === 'number' ? params.maxTokens : 0;
