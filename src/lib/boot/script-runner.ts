import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Tab } from '#lib/state/tab.ts';
import { z } from 'zod';

/** What this needs of a `Worker`. */
export type ScriptWorker = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror'>;

const loadTimeoutMs = 30_000;
/** The interpreter stops after two seconds by itself; a worker that does not is ended. */
const runTimeoutMs = 4_000;

const outcomeSchema = z.object({ outcome: z.enum(['done', 'failed', 'too-slow']), text: z.string() });

/** Runs each script in a worker of its own, which ends with it whatever happens. */
export function createScriptRunner({
  spawn,
  clock,
}: {
  readonly spawn: () => ScriptWorker;
  readonly clock: Clock;
}): Tab['runScript'] {
  return (code, { signal }) =>
    new Promise<string>((resolve, reject) => {
      throwIfAborted(signal);
      const worker = spawn();
      let cancelTimer = clock.after(loadTimeoutMs, () => end(() => reject(notLoaded())));
      const onAbort = () => end(() => reject(abortError(signal)));
      const end = (settle: () => void) => {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        worker.terminate();
        settle();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      worker.onerror = () => end(() => reject(notLoaded()));
      worker.onmessage = ({ data }: MessageEvent<unknown>) => {
        if (data === 'ready') {
          cancelTimer();
          cancelTimer = clock.after(runTimeoutMs, () => end(() => reject(tooSlow(''))));
          worker.postMessage(code);
          return;
        }
        const { outcome, text } = outcomeSchema.parse(data);
        end(() => {
          if (outcome === 'done') resolve(text);
          else reject(outcome === 'failed' ? new TabloomError('script-failed', text) : tooSlow(text));
        });
      };
    });
}

const notLoaded = () =>
  new TabloomError('part-missing', 'The JavaScript interpreter could not be loaded. Reload the page and ask again.');

const tooSlow = (logged: string) =>
  new TabloomError(
    'script-too-slow',
    `The script did not end within 2 s and was stopped.${logged === '' ? '' : ` It had logged:\n${logged}`}`,
  );
