import type { LoadedModel } from '#lib/engine/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Measured, OfferedModel } from '#lib/protocol/offer.ts';
import { createSlotQueue, type SlotQueue } from './slot-queue.ts';
import type { Audience } from '../spec.ts';

/** A model on the shelf: who may have it, who works with it and who waits, how fast it has been. */
export interface ServedModel {
  readonly model: LoadedModel;
  readonly queue: SlotQueue;
  audience: Audience;
  measured: Measured | undefined;
  /** Running mean of a job from slot to end, in milliseconds. */
  jobMs: number | undefined;
  /** Askers of the failures since the last job that went well. */
  failedFor: readonly PeerId[];
}

/** What a job is assumed to take before the first one has ended. */
const assumedJobMs = 5_000;

/** Failures in a row, of at least two askers, after which a model is taken off the shelf. */
const failuresMax = 3;

export function createServedModel(
  model: LoadedModel,
  options: {
    readonly audience: Audience;
    readonly measured: Measured | undefined;
    readonly waitingMax?: number | undefined;
    readonly onChange: () => void;
  },
): ServedModel {
  return {
    model,
    queue: createSlotQueue({
      slots: model.slots,
      waitingMax: options.waitingMax ?? limits.workerQueueMax,
      onChange: options.onChange,
    }),
    audience: options.audience,
    measured: options.measured,
    jobMs: undefined,
    failedFor: [],
  };
}

/** Milliseconds until a job at this place has a slot. */
export function etaMs({ model, jobMs }: ServedModel, position: number): number {
  return Math.min(1e9, Math.round(Math.ceil(position / model.slots) * (jobMs ?? assumedJobMs)));
}

/**
 * Whether the model itself is at fault: its device is gone, or it failed several askers in a row. One asker alone cannot
 * take a model away from the others by sending what its engine chokes on.
 */
export function isBroken({ failedFor }: ServedModel, engineCode: string): boolean {
  return engineCode === 'device-lost' || (failedFor.length >= failuresMax && new Set(failedFor).size > 1);
}

export function toOffered({ model, queue, measured }: ServedModel): OfferedModel {
  const { model: entry } = model;
  return {
    artefact: entry.artefact,
    name: entry.name,
    kinds: [...model.kinds],
    features: [...model.features],
    contextTokens: model.contextTokens,
    quantisation: entry.quantisation,
    price: { in: '0', out: '0' },
    slots: model.slots,
    running: queue.running,
    queued: queue.waiting,
    measured,
  };
}
