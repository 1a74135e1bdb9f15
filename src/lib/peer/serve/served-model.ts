import { ewma } from '#lib/base/mean.ts';
import type { EngineInfo, EngineTimings, LoadedModel, TextRequest, TokenScore } from '#lib/engine/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { severalEngines, type Measured, type OfferedModel } from '#lib/protocol/offer.ts';
import type { Price } from '#lib/protocol/price.ts';
import { mannerOf } from '#lib/trust/rescore.ts';
import { fullness, priceAt, type PriceRange } from '#lib/market/queue-price.ts';
import type { Usage } from '#lib/protocol/part.ts';
import type { SlotQueue } from './slot-queue.ts';
import type { WorkerSession } from '../session/worker-runner.ts';
import type { AskRequest, Audience, ScoredAnswer, ServedModels } from '../spec.ts';

/** A model that is served: to which audience, with which jobs running and queued, and how fast it has been. */
export interface ServedModel {
  readonly model: LoadedModel;
  readonly queue: SlotQueue;
  audience: Audience;
  /** Slots that only the owner's jobs take. */
  reserved: number;
  /** Of others' jobs, by how many of them wait; the owner's are free. */
  price: PriceRange;
  /** Until when the price of each step holds for those that were told it, in elapsed milliseconds. */
  readonly quotes: Map<number, number>;
  measured: Measured | undefined;
  /** Running mean of the time from a job's slot to its end, in milliseconds. */
  jobMs: number | undefined;
  /** The askers of the failures since the last job that succeeded. */
  failedFor: readonly PeerId[];
  /** Jobs that run or wait, with who asked. */
  readonly jobs: Map<WorkerSession, PeerId>;
}

/** The time a job is assumed to take before the first one has ended. */
const assumedJobMs = 5_000;

/** Failures in a row, of at least two askers, after which a model is no longer served. */
const failuresMax = 3;

export function createServedModel(
  model: LoadedModel,
  options: {
    readonly audience: Audience;
    readonly reserved: number;
    readonly price: PriceRange;
    readonly measured: Measured | undefined;
    readonly queue: SlotQueue;
  },
): ServedModel {
  return {
    model,
    queue: options.queue,
    audience: options.audience,
    reserved: options.reserved,
    price: options.price,
    quotes: new Map(),
    measured: options.measured,
    jobMs: undefined,
    failedFor: [],
    jobs: new Map(),
  };
}

/** Milliseconds until a job at this position in the queue has a slot, estimated. */
export function etaMs({ model, reserved, jobMs }: ServedModel, position: number): number {
  return Math.min(1e9, Math.round(Math.ceil(position / (model.slots - reserved)) * (jobMs ?? assumedJobMs)));
}

/**
 * Whether the model itself is at fault: its device is lost, or it failed several askers in a row. One asker alone cannot
 * take a model away from the others by sending what its engine fails at.
 */
export function isBroken({ failedFor }: ServedModel, engineCode: string): boolean {
  return engineCode === 'device-lost' || (failedFor.length >= failuresMax && new Set(failedFor).size > 1);
}

/** The price now, which holds for as long as an offer that names it. */
function quote({ price, queue, quotes }: ServedModel, elapsedMs: number): Price {
  const step = fullness(queue.waiting, limits.workerQueueMax);
  quotes.set(step, elapsedMs + limits.offerTtlMs);
  return priceAt(price, step);
}

/** The least that a job may pay: the price now, or a lower one that its asker may have been told. */
export function leastPrice({ price, queue, quotes }: ServedModel, elapsedMs: number): Price {
  const told = [...quotes].flatMap(([step, untilMs]) => (untilMs >= elapsedMs ? [step] : []));
  return priceAt(price, Math.min(fullness(queue.waiting, limits.workerQueueMax), ...told));
}

/**
 * The engines of these models as an offer states them: that of the first, and beside each model of another one its own.
 * Receipts are checked against it.
 */
export function statedEngines(
  models: readonly ServedModel[],
  elapsedMs: number,
): Pick<ServedModels, 'engine' | 'models' | 'must'> | undefined {
  const engine = models[0]?.model.engine;
  if (!engine) return undefined;
  const offered = models.map((served) => ({
    ...toOffered(served, elapsedMs),
    ...(isSameEngine(served.model.engine, engine) ? {} : { engine: served.model.engine }),
  }));
  const isMixed = offered.some((model) => model.engine !== undefined);
  return { engine, models: offered, ...(isMixed ? { must: [severalEngines] } : {}) };
}

const isSameEngine = (a: EngineInfo, b: EngineInfo): boolean =>
  a.name === b.name && a.build === b.build && a.deviceClass === b.deviceClass;

/** What anybody may have: reserved slots are not announced. */
export function toOffered(served: ServedModel, elapsedMs: number): OfferedModel {
  const { model, queue, reserved, measured } = served;
  const { model: entry } = model;
  return {
    artefact: entry.artefact,
    name: entry.name,
    kinds: [...model.kinds],
    features: [...model.features],
    contextTokens: model.contextTokens,
    quantisation: entry.quantisation,
    price: quote(served, elapsedMs),
    // Several servers together may have more than an offer can say.
    slots: Math.min(limits.slotsMax, model.slots - reserved),
    running: Math.min(limits.slotsMax, queue.taken),
    queued: queue.waiting,
    measured,
    ...(model.upstream ? { upstream: true as const } : {}),
    ...(model.hub ? { hub: true as const } : {}),
  };
}

/** Tokens below which a job does not measure the decoding speed. */
const measuredTokensMin = 4;

/**
 * The model's speed with one finished job more: prefill as prompt tokens over the time to the first token, decode from the
 * first token to the last. A short job changes only what it can measure.
 */
export function addJob(before: Measured | undefined, usage: Usage, timings: EngineTimings): Measured | undefined {
  const decodeTps = usage.tokensOut >= measuredTokensMin ? decodeRate(usage, timings) : undefined;
  const prefillTps = usage.tokensIn > 0 && timings.ttftMs > 0 ? (usage.tokensIn * 1_000) / timings.ttftMs : undefined;
  if (decodeTps === undefined && before === undefined) return undefined;
  return {
    decodeTps: mean(before?.decodeTps, decodeTps),
    prefillTps: mean(before?.prefillTps, prefillTps),
    ttftMs: mean(before?.ttftMs, timings.ttftMs),
  };
}

/** Tokens a second from the first token to the last; undefined where they came in no measurable time. */
export const decodeRate = ({ tokensOut }: Usage, { decodeMs }: EngineTimings): number | undefined =>
  decodeMs > 0 ? ((tokensOut - 1) * 1_000) / decodeMs : undefined;

/** 0 while nothing is known, as an offer states it. */
const mean = (before: number | undefined, now: number | undefined): number =>
  Math.min(limits.rateMax, ewma(before || undefined, now) ?? 0);

/** Takes a slot like a job, and only where none runs or waits: a person never waits for an examination. */
export async function scoreBesideJobs(
  served: ServedModel | undefined,
  { kind, input, params }: AskRequest,
  { text, ids, ending }: ScoredAnswer,
): Promise<readonly TokenScore[] | undefined> {
  if (!served?.model.score || !ids || served.queue.running + served.queue.waiting > 0) return undefined;
  const ticket = served.queue.enter(() => undefined, 0);
  try {
    const prompt = { kind, input, params } as TextRequest;
    const manner = mannerOf(prompt.params);
    const distribution = manner.type === 'sampled' ? { temperature: manner.temperature } : undefined;
    return await served.model.score({ prompt, answer: ids, text, ending, distribution }, {});
  } catch {
    return undefined;
  } finally {
    ticket?.leave();
  }
}
