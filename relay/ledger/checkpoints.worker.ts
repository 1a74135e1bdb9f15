import { DatabaseSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';

/**
 * Moves what has been written from the log into the database of the given file, in a thread of its own: it waits for the
 * disk, for tens of milliseconds, and a gateway's answers would wait with it. Neither readers nor writers are held up.
 */
const everyMs = 1_000;
const database = new DatabaseSync(workerData as string);
setInterval(() => {
  try {
    database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  } catch {
    // The next time; and without any, a writer does it when the log has grown large.
  }
}, everyMs);
