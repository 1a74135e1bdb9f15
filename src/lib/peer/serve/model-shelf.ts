import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Till } from '#lib/pay/ports.ts';
import { isInOrder } from '#lib/market/queue-price.ts';
import { isFree } from '#lib/protocol/charge.ts';
import type { ArtefactId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Price } from '#lib/protocol/price.ts';
import type { Audience, OfferModelOptions, Provider, ProviderState, ServedModels } from '../spec.ts';
import { createServedModel, statedEngines, type ServedModel } from './served-model.ts';
import { inSlot, partOf } from './shared-slots.ts';
import { createSlotQueue } from './slot-queue.ts';

export interface ModelShelfComponents {
  readonly clock: Pick<Clock, 'elapsed'>;
  /** Where jobs are paid for; without it no model may have a price. */
  readonly till?: Till | undefined;
  /** Of models that are offered without one; free by default. */
  readonly price?: Price | undefined;
  /** What they cost while their queue is full; the same by default. */
  readonly priceMax?: Price | undefined;
  /**
   * `machine`: one processor answers with all models, so that they share as many slots as the one with the fewest has; by
   * default each model has its own.
   */
  readonly slotsOf?: 'each-model' | 'machine' | undefined;
}

/** The models that a provider serves, each with its price, its queue and its part of the slots. */
export interface ModelShelf {
  get(artefact: ArtefactId): ServedModel | undefined;
  all(): readonly ServedModel[];
  /** The same list until a model is offered or withdrawn. */
  listed(): ProviderState['models'];
  /** What an offer says of those that `audience` is served; undefined where it is served none. */
  stated(audience: Audience): Omit<ServedModels, 'draining'> | undefined;
  /** @throws `bad-price-range`, `payout-missing`, `models-full`. */
  put(model: LoadedModel, options?: OfferModelOptions): void;
  /** What waits for it is dismissed. */
  remove(served: ServedModel): void;
  readonly withSlot: Provider['withSlot'];
}

const free: Price = { in: '0', out: '0' };

/** `onQueue`: a queue has changed. */
export function createModelShelf(components: ModelShelfComponents, onQueue: () => void): ModelShelf {
  const { clock, till } = components;
  const models = new Map<ArtefactId, ServedModel>();
  const newQueue = (slots: number, reserved: number) =>
    createSlotQueue({ slots, reserved, waitingMax: limits.workerQueueMax, onChange: onQueue });
  const machine = components.slotsOf === 'machine' ? newQueue(1, 0) : undefined;
  let listed: ProviderState['models'] = [];

  const list = () => {
    listed = [...models.values()].map(({ model, audience }) => ({
      artefact: model.model.artefact,
      name: model.model.name,
      audience,
    }));
  };
  /** Those of the model with the fewest, while its models share the machine's. */
  const shareSlots = () => {
    const all = [...models.values()];
    if (all.length === 0) return;
    machine?.resize(Math.min(...all.map(({ model }) => model.slots)), Math.min(...all.map(({ reserved }) => reserved)));
  };

  return {
    get: (artefact) => models.get(artefact),
    all: () => [...models.values()],
    listed: () => listed,
    stated(audience) {
      const served = [...models.values()].filter((one) => audience === 'self' || one.audience === 'network');
      const stated = statedEngines(served, clock.elapsed());
      if (!stated) return undefined;
      const payout = served.some(({ price }) => !isFree(price.full)) ? till?.payouts[0] : undefined;
      return { ...stated, ...(payout ? { payout } : {}) };
    },
    put(model, { audience = 'network', reserved: wanted = 0, measured, price: own, priceFull } = {}) {
      const price = own ?? components.price ?? free;
      const range = { idle: price, full: priceFull ?? (own ? price : (components.priceMax ?? price)) };
      if (!isInOrder(range)) {
        throw new TabloomError(
          'bad-price-range',
          'The price of a full queue is below that of an empty one. Raise it, or leave it out.',
        );
      }
      if (!isFree(range.full) && !till?.payouts[0])
        throw new TabloomError(
          'payout-missing',
          'A model with a price needs an account to be paid to. Set one up first.',
        );
      const { artefact } = model.model;
      const reserved = Math.min(wanted, model.slots - 1);
      const known = models.get(artefact);
      if (known?.model === model) {
        known.audience = audience;
        known.measured = measured ?? known.measured;
        known.reserved = reserved;
        known.price = range;
        known.queue.resize(model.slots, reserved);
      } else {
        known?.queue.dismissWaiting();
        if (!known && models.size >= limits.offerModelsMax) {
          throw new TabloomError(
            'models-full',
            `A peer offers at most ${limits.offerModelsMax} models. Withdraw one first.`,
          );
        }
        models.set(
          artefact,
          createServedModel(model, {
            audience,
            reserved,
            price: range,
            measured: measured ?? known?.measured,
            queue: machine ? partOf(machine) : newQueue(model.slots, reserved),
          }),
        );
      }
      shareSlots();
      list();
    },
    remove(served) {
      models.delete(served.model.model.artefact);
      list();
      served.queue.dismissWaiting();
      shareSlots();
    },
    withSlot: (work, options) => (machine ? inSlot(machine, work, options) : work()),
  };
}
