import type { AbortOptions } from '#lib/base/abort.ts';
import { connectionsMax, type ShareConnection } from '../http/server.ts';
import type { KeptWorker } from './kept-worker.ts';
import type { Answers, Question } from './messages.ts';

/** The gateway workers of a relay. */
export interface GatewayPool {
  readonly workers: { readonly ready: number; readonly starting: number };
  /** Resolves when each is ready or has ended for the first time. */
  readonly settled: Promise<void>;
  start(): void;
  /** To the one with the fewest connections; to none while none is ready. */
  readonly share: ShareConnection;
  /** Of those that answer in time, in their order, and how many do not. */
  ask<About extends Question['about']>(
    question: Question & { about: About },
  ): Promise<{ readonly answers: readonly Answers[About][]; readonly silent: number }>;
  tell: KeptWorker['tell'];
  /** Lets them finish what they are doing, until the signal aborts. Resolves when they have ended. */
  stop(options: Required<AbortOptions>): Promise<void>;
}

export function createGatewayPool(workers: readonly KeptWorker[]): GatewayPool {
  /** Of several with as few, the one whose turn it is: clients that connect one after the other are for all of them. */
  let turn = 0;

  return {
    get workers() {
      const ready = workers.filter(({ isReady }) => isReady).length;
      return { ready, starting: workers.length - ready };
    },
    settled: Promise.all(workers.map(({ settled }) => settled)).then(() => undefined),
    start() {
      for (const worker of workers) worker.start();
    },
    share(connection) {
      const ready = [...workers.slice(turn), ...workers.slice(0, turn)].filter(({ isReady }) => isReady);
      if (ready.length === 0) return false;
      const open = workers.reduce((sum, worker) => sum + worker.open, 0);
      if (open >= connectionsMax) {
        connection.release();
        connection.socket.destroy();
        return true;
      }
      const least = ready.reduce((best, worker) => (worker.open < best.open ? worker : best));
      turn = workers.indexOf(least) + 1;
      least.give(connection);
      return true;
    },
    async ask<About extends Question['about']>(question: Question & { about: About }) {
      const all = await Promise.all(workers.map((worker) => worker.ask<About>(question)));
      const answers = all.filter((answer) => answer !== undefined) as unknown as readonly Answers[About][];
      return { answers, silent: workers.length - answers.length };
    },
    tell(message) {
      for (const worker of workers) worker.tell(message);
    },
    async stop(options) {
      await Promise.all(workers.map((worker) => worker.stop(options)));
    },
  };
}
