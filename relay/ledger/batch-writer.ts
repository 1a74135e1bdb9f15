import { TabloomError } from '#lib/base/errors.ts';

/** Writes tasks in the order in which they come, as many together as have gathered while the last batch was written. */
export interface BatchWriter<Task, Result> {
  /** Resolves when its batch is written. @throws what the batch failed with, and `queue-full`. */
  add(task: Task): Promise<Result>;
}

interface Waiting<Task, Result> {
  readonly task: Task;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

const batchMax = 256;
/** More than the gateway runs jobs, with their closings. */
const waitingMax = 4_096;

const endOfRound = () => new Promise((resolve) => setImmediate(resolve));

export function createBatchWriter<Task, Result>(
  write: (tasks: readonly Task[]) => Promise<readonly Result[]>,
): BatchWriter<Task, Result> {
  const waiting: Waiting<Task, Result>[] = [];
  let isWriting = false;

  const run = async () => {
    isWriting = true;
    // What comes in one round of the event loop is one batch: a transaction costs more than what it writes.
    await endOfRound();
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batchMax);
      try {
        const results = await write(batch.map(({ task }) => task));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isWriting = false;
  };

  return {
    add: (task) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= waitingMax) {
          return reject(new TabloomError('queue-full', 'Too much waits to be written. Try again in a few seconds.'));
        }
        waiting.push({ task, resolve, reject });
        if (!isWriting) void run();
      }),
  };
}
