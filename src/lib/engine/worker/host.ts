import { abortError } from '#lib/base/abort.ts';
import { TabloomError, toErrorRecord } from '#lib/base/errors.ts';
import type { Engine, LoadedModel } from '../spec.ts';
import {
  readWorkerMessage,
  workerReplySchema,
  workerRequestSchema,
  type WorkerReply,
  type WorkerRequest,
} from './message.ts';
import type { HostPort } from './port.ts';

/** Concurrent loads and streams in one worker; more are refused. */
const operationsMax = 64;

interface Operation {
  readonly controller: AbortController;
  credits: number;
  wake: (() => void) | undefined;
}

/**
 * Serves an engine to the page over `port`. An invalid message is answered by its id if it has one and dropped
 * otherwise; it cannot bring the worker down.
 */
export function serveEngine(port: HostPort, engine: Engine): void {
  const operations = new Map<number, Operation>();
  let loaded: LoadedModel | undefined;

  const reply = (message: WorkerReply) => port.postMessage(workerReplySchema.parse(message));
  const fail = (id: number, error: unknown) => reply({ type: 'failed', id, error: boundedRecord(error) });

  const run = (id: number, credits: number, work: (operation: Operation) => Promise<void>) => {
    if (operations.has(id)) return fail(id, new TabloomError('bad-worker-message', 'This id is already in use.'));
    if (operations.size >= operationsMax)
      return fail(id, new TabloomError('busy', 'Too many concurrent operations for one worker.'));
    const operation: Operation = { controller: new AbortController(), credits, wake: undefined };
    operations.set(id, operation);
    work(operation)
      .catch((error: unknown) => fail(id, error))
      .finally(() => operations.delete(id));
  };

  const load = (request: Extract<WorkerRequest, { type: 'load' }>) =>
    run(request.id, 0, async ({ controller }) => {
      if (loaded) throw new TabloomError('busy', 'This worker already holds a model. Start another worker.');
      loaded = await engine.load(request.model, {
        signal: controller.signal,
        onProgress: (progress) => reply({ type: 'progress', id: request.id, progress }),
      });
      const { model, engine: info, kinds, features, contextTokens, slots } = loaded;
      reply({
        type: 'loaded',
        id: request.id,
        model,
        info,
        kinds: [...kinds],
        features: [...features],
        contextTokens,
        slots,
        canScore: loaded.score !== undefined,
      });
      if (loaded.lost) tellOfLoss(loaded.lost);
    });

  const tellOfLoss = (lost: AbortSignal) => {
    const tell = () => reply({ type: 'lost', error: boundedRecord(abortError(lost)) });
    if (lost.aborted) tell();
    else lost.addEventListener('abort', tell, { once: true });
  };

  const stream = (request: Extract<WorkerRequest, { type: 'stream' }>) =>
    run(request.id, request.credits, async (operation) => {
      if (!loaded) throw new TabloomError('engine-failed', 'No model is loaded in this worker. Load it first.');
      for await (const event of loaded.doStream(request.request, { signal: operation.controller.signal })) {
        while (operation.credits === 0 && !operation.controller.signal.aborted) {
          await new Promise<void>((resolve) => {
            operation.wake = resolve;
          });
        }
        operation.credits -= 1;
        reply({ type: 'event', id: request.id, event });
      }
      reply({ type: 'done', id: request.id });
    });

  const score = ({ id, request }: Extract<WorkerRequest, { type: 'score' }>) =>
    run(id, 0, async ({ controller }) => {
      if (!loaded?.score) throw new TabloomError('score-unsupported', 'No model that can score is loaded here.');
      reply({ type: 'scored', id, scores: [...(await loaded.score(request, { signal: controller.signal }))] });
    });

  port.addEventListener('message', ({ data }) => {
    let request: WorkerRequest;
    try {
      request = readWorkerMessage(workerRequestSchema, data);
    } catch (error) {
      const id = idOf(data);
      if (id !== undefined) fail(id, error);
      return;
    }
    if (request.type === 'load') return load(request);
    if (request.type === 'stream') return stream(request);
    if (request.type === 'score') return score(request);
    const operation = operations.get(request.id);
    if (!operation) return;
    if (request.type === 'more') operation.credits += request.credits;
    else operation.controller.abort();
    operation.wake?.();
    operation.wake = undefined;
  });
  reply({ type: 'ready', info: engine.info });
}

function boundedRecord(error: unknown): { code: string; message: string; details?: Record<string, unknown> } {
  const { code, message, details } = toErrorRecord(error);
  return { code, message: message.slice(0, 1_024), ...(details ? { details: { ...details } } : {}) };
}

function idOf(data: unknown): number | undefined {
  if (typeof data !== 'object' || data === null || !('id' in data)) return undefined;
  return typeof data.id === 'number' && Number.isInteger(data.id) && data.id > 0 ? data.id : undefined;
}
