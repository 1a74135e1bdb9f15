import type { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

/** A thread that waits for the disk on behalf of this process's databases; for programs that run for long. */
export interface Checkpoints {
  /** Takes over a database in WAL mode, by its file. Returns what gives it back, to be called before it is closed. */
  watch(database: DatabaseSync, file: string): () => void;
  stop(): Promise<void>;
}

/** Pages that a log may grow by, 32 MiB at most, before a writer moves them, if the thread has not. */
const walPagesMax = 4_096;

export function createCheckpoints(): Checkpoints {
  let worker: Worker | undefined;
  const start = () => {
    const started = new Worker(new URL('./checkpoints.worker.ts', import.meta.url));
    // Without the thread, writers do it themselves, later.
    started.on('error', () => undefined);
    started.unref();
    return started;
  };
  return {
    watch(database, file) {
      database.exec(`PRAGMA wal_autocheckpoint = ${walPagesMax};`);
      worker ??= start();
      worker.postMessage({ type: 'add', file });
      return () => worker?.postMessage({ type: 'remove', file });
    },
    async stop() {
      await worker?.terminate();
    },
  };
}
