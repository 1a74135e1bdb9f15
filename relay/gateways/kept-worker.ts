import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Socket } from 'node:net';
import type { SharedConnection } from '../http/server.ts';
import type { Answers, HandedUpgrade, Question, Seat, ToWorker } from './messages.ts';
import type { WorkerLink } from './worker-link.ts';

/** One gateway worker: a process that is started again when it ends, with the same key and data. */
export interface KeptWorker {
  readonly isReady: boolean;
  /** Connections that it has. */
  readonly open: number;
  /** Resolves when it is ready or has ended for the first time. */
  readonly settled: Promise<void>;
  start(): void;
  give(connection: SharedConnection): void;
  /** Undefined where it does not answer in time. */
  ask<About extends Question['about']>(question: Question & { about: About }): Promise<Answers[About] | undefined>;
  /** What is lost is said again. */
  tell(message: Extract<ToWorker, { readonly type: 'appealed' }>): void;
  /** Lets it finish what it is doing, until the signal aborts. Resolves when it has ended. */
  stop(options: Required<AbortOptions>): Promise<void>;
}

export interface KeptWorkerInit {
  readonly seat: Seat;
  readonly launch: () => WorkerLink;
  /** A WebSocket, which is the relay's. */
  readonly onUpgrade: (upgrade: HandedUpgrade, socket: Socket) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Before it is started again; it doubles while it ends soon. */
const pauseMs = { first: 250, max: 30_000 } as const;
/** One that lasted for so long had no trouble with its start. */
const stableMs = 60_000;
const answerTimeoutMs = 1_000;

export function createKeptWorker({ seat, launch, onUpgrade, clock, logger }: KeptWorkerInit): KeptWorker {
  /** Of those that it has not taken yet: they are served here if it ends. */
  const given = new Map<number, SharedConnection>();
  const taken = new Map<number, () => void>();
  const asked = new Map<number, (value: unknown) => void>();
  const settled = Promise.withResolvers<void>();
  const stopping = new AbortController();
  const gateway = seat.place + 1;
  let link: WorkerLink | undefined;
  let ended = Promise.withResolvers<void>();
  let isReady = false;
  let lastId = 0;
  let waitMs: number = pauseMs.first;

  const release = (id: number) => {
    taken.get(id)?.();
    taken.delete(id);
  };
  const onEnd = () => {
    link = undefined;
    isReady = false;
    for (const release of taken.values()) release();
    taken.clear();
    for (const answer of asked.values()) answer(undefined);
    asked.clear();
    const left = [...given.values()];
    given.clear();
    for (const connection of left) connection.serve();
    settled.resolve();
    ended.resolve();
  };

  const run = () => {
    const startedMs = clock.elapsed();
    const process = launch();
    link = process;
    ended = Promise.withResolvers<void>();
    process.onMessage((message, socket) => {
      switch (message.type) {
        case 'ready':
          isReady = !stopping.signal.aborted;
          logger.info('gateway-ready', { gateway, pid: process.pid });
          return settled.resolve();
        case 'taken': {
          const connection = given.get(message.id);
          given.delete(message.id);
          if (!connection) return;
          taken.set(message.id, () => connection.release());
          return void connection.socket.destroy();
        }
        case 'closed':
          return release(message.id);
        case 'upgrade': {
          const free = taken.get(message.id);
          taken.delete(message.id);
          // It is gone already.
          if (!socket) return free?.();
          if (free) socket.once('close', free);
          return onUpgrade(message.upgrade, socket);
        }
        case 'answer':
          asked.get(message.id)?.(message.value);
          asked.delete(message.id);
      }
    });
    process.onExit(() => {
      onEnd();
      if (stopping.signal.aborted) return;
      logger.warn('gateway-ended', { gateway });
      if (clock.elapsed() - startedMs >= stableMs) waitMs = pauseMs.first;
      const pause = clock.delay(waitMs, { signal: stopping.signal });
      waitMs = Math.min(pauseMs.max, 2 * waitMs);
      pause.then(run, () => undefined);
    });
    process.send({ type: 'start', seat });
  };

  return {
    get isReady() {
      return isReady;
    },
    get open() {
      return given.size + taken.size;
    },
    settled: settled.promise,
    start: run,
    give(connection) {
      lastId += 1;
      given.set(lastId, connection);
      link?.send({ type: 'connection', id: lastId }, connection.socket);
    },
    async ask(question) {
      if (!link || !isReady) return undefined;
      lastId += 1;
      const id = lastId;
      const over = new AbortController();
      const answer = new Promise<unknown>((resolve) => asked.set(id, resolve));
      link.send({ type: 'ask', id, question });
      const late = clock.delay(answerTimeoutMs, { signal: over.signal }).catch(() => undefined);
      const value = await Promise.race([answer, late]);
      over.abort();
      asked.delete(id);
      return value as never;
    },
    tell(message) {
      if (isReady) link?.send(message);
    },
    async stop({ signal }) {
      stopping.abort();
      isReady = false;
      settled.resolve();
      const running = link;
      if (!running) return;
      running.send({ type: 'stop' });
      const kill = () => running.kill();
      if (signal.aborted) kill();
      else signal.addEventListener('abort', kill, { once: true });
      await ended.promise;
      signal.removeEventListener('abort', kill);
    },
  };
}
