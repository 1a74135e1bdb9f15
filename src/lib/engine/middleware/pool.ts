import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { tap } from '#lib/base/tap.ts';
import { needsOf, type Work } from '#lib/protocol/job.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import type { EngineEvent, EngineInfo, EngineRequest, LoadedModel, ModelEntry } from '../spec.ts';

/** The same model in one of several places. */
export interface PoolMember {
  readonly model: LoadedModel;
  /** Its share of the work, relative to the others: above 0. */
  readonly weight: number;
}

export interface Pool {
  /** Answers with the least loaded of the members. Its slots, features and kinds follow the members. */
  readonly model: LoadedModel;
  /** Whether one member has all that a request needs: what the pool claims may be spread over several. */
  canDo(request: EngineRequest): boolean;
  /** Whether a member has a free slot. */
  readonly hasRoom: boolean;
  /** Replaces the members. Answers that run go on where they are. */
  set(members: readonly PoolMember[]): void;
}

/** Failures of the place that was asked, not of the request: where nothing has been sent yet, another may do it. */
const retriable = new Set(['engine-failed', 'busy', 'model-unknown', 'device-lost', 'load-failed']);

/**
 * One model from several: each request goes to the member with the fewest running answers per unit of weight, among those
 * that have what it needs, in the order given where they are equal. If a member fails before it has sent anything, the next
 * one is asked.
 */
export function createPool(entry: ModelEntry, engine: EngineInfo): Pool {
  let members: readonly PoolMember[] = [];
  /** By model, since a member may leave and come back while its answers run. */
  const running = new Map<LoadedModel, number>();

  const load = ({ model, weight }: PoolMember) => (running.get(model) ?? 0) / weight;
  const isFree = ({ model }: PoolMember) => (running.get(model) ?? 0) < model.slots;
  const pick = (request: EngineRequest, tried: ReadonlySet<LoadedModel>): PoolMember | undefined => {
    const able = members.filter(({ model }) => !tried.has(model) && canDo(model, request));
    const free = able.filter(isFree);
    const among = free.length > 0 ? free : able;
    return among.reduce<PoolMember | undefined>(
      (best, member) => (best === undefined || load(member) < load(best) ? member : best),
      undefined,
    );
  };

  /** The stream of the member that has begun to answer: where one fails before that, the next one is asked. */
  const begin = async (
    request: EngineRequest,
    options: Parameters<LoadedModel['doStream']>[1],
    onAsked: (model: LoadedModel | undefined) => void,
  ): Promise<AsyncIterable<EngineEvent>> => {
    const tried = new Set<LoadedModel>();
    let failure: unknown;
    for (;;) {
      const member = pick(request, tried);
      if (!member) throw failure ?? noMember(members);
      const { model } = member;
      tried.add(model);
      onAsked(model);
      try {
        const stream = model.doStream(request, options)[Symbol.asyncIterator]();
        return startingWith(await stream.next(), stream);
      } catch (error) {
        onAsked(undefined);
        if (options.signal?.aborted || !retriable.has(errorCode(error))) throw error;
        failure ??= error;
      }
    }
  };

  const doStream: LoadedModel['doStream'] = (request, options) => {
    let asked: LoadedModel | undefined;
    const onAsked = (model: LoadedModel | undefined) => {
      if (asked) count(asked, -1);
      asked = model;
      if (asked) count(asked, 1);
    };
    return tap(() => begin(request, options, onAsked), { onEnd: () => onAsked(undefined) });
  };

  const count = (model: LoadedModel, by: number) => {
    const now = (running.get(model) ?? 0) + by;
    if (now > 0) running.set(model, now);
    else running.delete(model);
  };
  const all = <T>(values: (model: LoadedModel) => readonly T[]): readonly T[] => [
    ...new Set(members.flatMap(({ model }) => values(model))),
  ];

  return {
    model: {
      model: entry,
      engine,
      get contextTokens() {
        return members.reduce((least, { model }) => Math.min(least, model.contextTokens), entry.contextTokens);
      },
      get kinds() {
        return all(({ kinds }) => kinds);
      },
      get features() {
        return all(({ features }) => features);
      },
      get upstream() {
        return members.some(({ model }) => model.upstream) || undefined;
      },
      get slots() {
        return members.reduce((sum, { model }) => sum + model.slots, 0);
      },
      doStream,
      async unload() {
        await Promise.all(members.map(({ model }) => model.unload()));
      },
    },
    canDo: (request) => members.some(({ model }) => canDo(model, request)),
    get hasRoom() {
      return members.some(isFree);
    },
    set(given) {
      members = given;
    },
  };
}

/** A stream of which the first result has been read already. */
function startingWith<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncIterable<T> {
  let unread: IteratorResult<T> | undefined = first;
  const stream: AsyncIterator<T> = {
    next() {
      if (unread === undefined) return rest.next();
      const result = unread;
      unread = undefined;
      return Promise.resolve(result);
    },
    return: async () => (await rest.return?.()) ?? { done: true, value: undefined },
  };
  return { [Symbol.asyncIterator]: () => stream };
}

const noMember = (members: readonly PoolMember[]) =>
  members.length === 0
    ? new TabloomError('engine-failed', 'No model server has this model now. Try again.')
    : new TabloomError('feature-unavailable', 'None of the model servers can do all that was asked. Ask for less.');

function canDo({ kinds, features }: LoadedModel, request: EngineRequest): boolean {
  const resumes = !request.resume || features.includes('resume-exact') || features.includes('resume-text');
  const needed = needsOf(request as Work) as readonly Feature[];
  return kinds.includes(request.kind) && resumes && needed.every((feature) => features.includes(feature));
}
