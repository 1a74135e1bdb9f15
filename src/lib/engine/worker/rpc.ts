import { TabloomError, fromErrorRecord, toErrorRecord } from '#lib/base/errors.ts';
import { readWorkerMessage, workerReplySchema, type WorkerReply, type WorkerRequest } from './message.ts';
import type { WorkerPort } from './port.ts';

/** Receives the replies for one id. `failed` is always the last. */
export interface ReplyListener {
  reply(reply: WorkerReply): void;
  failed(error: TabloomError): void;
}

/** The lifetime of one worker. It is never restarted, only replaced. */
export interface WorkerRpc {
  readonly alive: boolean;
  /** Registers a listener and returns its new id. @throws the error the worker ended with, if it has ended. */
  open(listener: ReplyListener): number;
  /** Unregisters the listener. */
  release(id: number): void;
  send(request: WorkerRequest): void;
  /** Terminates the worker on its owner's request; remaining listeners fail with `error`. Idempotent. */
  end(error: TabloomError): void;
  /** Terminates it because it is unusable: like {@link end}, and `lost` aborts. */
  lose(error: TabloomError): void;
  /** Aborts with the reason if the worker crashed, lost its device or sent invalid messages. */
  readonly lost: AbortSignal;
}

export function openWorkerRpc(
  port: WorkerPort,
  on: { readonly ready: (info: Extract<WorkerReply, { type: 'ready' }>['info']) => void },
): WorkerRpc {
  const listeners = new Map<number, ReplyListener>();
  let nextId = 1;
  const lost = new AbortController();
  let ended: TabloomError | undefined;

  const end = (error: TabloomError) => {
    if (ended) return;
    ended = error;
    port.terminate();
    const last = [...listeners.values()];
    listeners.clear();
    for (const listener of last) listener.failed(error);
  };
  const lose = (error: TabloomError) => {
    if (ended) return;
    end(error);
    lost.abort(error);
  };

  port.addEventListener('message', ({ data }) => {
    if (ended) return;
    let reply: WorkerReply;
    try {
      reply = readWorkerMessage(workerReplySchema, data);
    } catch (error) {
      return lose(fromErrorRecord(toErrorRecord(error)));
    }
    if (reply.type === 'ready') return on.ready(reply.info);
    if (reply.type === 'lost') return lose(fromErrorRecord(reply.error));
    const listener = listeners.get(reply.id);
    if (!listener) return;
    if (reply.type !== 'failed') return listener.reply(reply);
    const error = fromErrorRecord(reply.error);
    // A lost device does not come back in this worker: terminate it, so that the next load starts a fresh one.
    if (error.code === 'device-lost') return lose(error);
    listeners.delete(reply.id);
    listener.failed(error);
  });
  const onCrash = (event: unknown) =>
    lose(
      new TabloomError('device-lost', 'The engine stopped working and was terminated. Load the model again.', {
        details: { reason: crashReason(event) },
      }),
    );
  port.addEventListener('error', onCrash);
  port.addEventListener('messageerror', onCrash);

  return {
    get alive() {
      return ended === undefined;
    },
    open(listener) {
      if (ended) throw ended;
      const id = nextId++;
      listeners.set(id, listener);
      return id;
    },
    release: (id) => void listeners.delete(id),
    send: (request) => {
      if (!ended) port.postMessage(request);
    },
    end,
    lose,
    lost: lost.signal,
  };
}

function crashReason(event: unknown): string {
  if (typeof event === 'object' && event !== null && 'message' in event) return String(event.message).slice(0, 512);
  return 'the worker could not be started or crashed';
}
