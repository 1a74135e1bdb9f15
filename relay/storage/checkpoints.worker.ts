import { DatabaseSync } from 'node:sqlite';
import { parentPort } from 'node:worker_threads';

/**
 * Moves what has been written from the logs into the databases of the files that it is told of, in a thread of its own: it waits
 * for the disk, for tens of milliseconds, and answers would wait with it. Neither readers nor writers are held up.
 */
const everyMs = 1_000;
const databases = new Map<string, DatabaseSync>();

parentPort!.on('message', ({ type, file }: { readonly type: 'add' | 'remove'; readonly file: string }) => {
  if (type === 'add') return void databases.set(file, new DatabaseSync(file));
  databases.get(file)?.close();
  databases.delete(file);
});
setInterval(() => {
  for (const database of databases.values()) {
    try {
      database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch {
      // The next time; and without any, a writer does it when the log has grown large.
    }
  }
}, everyMs);
