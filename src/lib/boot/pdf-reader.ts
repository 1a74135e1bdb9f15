import { z } from 'zod';
import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Tab } from '#lib/state/tab.ts';

/** What this needs of a `Worker`. */
export type PdfWorker = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror'>;

const loadTimeoutMs = 30_000;
const readTimeoutMs = 60_000;
const limits = { pagesMax: 2_000, lengthMax: 2_000_000 };

const outcomeSchema = z.union([
  z.object({ outcome: z.literal('done'), text: z.string(), pages: z.array(z.number().int().nonnegative()) }),
  z.object({ outcome: z.enum(['broken', 'locked', 'no-text', 'too-long']) }),
]);

/** Reads each PDF in a worker of its own, which ends with it whatever happens. */
export function createPdfReader({
  spawn,
  clock,
}: {
  readonly spawn: () => PdfWorker;
  readonly clock: Clock;
}): Tab['readPdf'] {
  return (bytes, { signal }) =>
    new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const worker = spawn();
      const fail = (code: keyof typeof messages) => end(() => reject(new TabloomError(code, messages[code])));
      let cancelTimer = clock.after(loadTimeoutMs, () => fail('part-missing'));
      const onAbort = () => end(() => reject(abortError(signal)));
      const end = (settle: () => void) => {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        worker.terminate();
        settle();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      worker.onerror = () => fail('part-missing');
      worker.onmessage = ({ data }: MessageEvent<unknown>) => {
        if (data === 'loaded') {
          cancelTimer();
          cancelTimer = clock.after(readTimeoutMs, () => fail('pdf-too-slow'));
          worker.postMessage({ pdf: bytes, limits });
          return;
        }
        // The parser greets whoever listens.
        const read = outcomeSchema.safeParse(data).data;
        if (!read) return;
        if (read.outcome === 'done') end(() => resolve({ text: read.text, pages: read.pages }));
        else fail(`pdf-${read.outcome}`);
      };
    });
}

const messages = {
  'part-missing': 'The reader of PDF files could not be loaded. Reload the page and attach the file again.',
  'pdf-broken': 'The PDF file is damaged, or is none. Open it in another program and save it anew.',
  'pdf-locked': 'The PDF file takes a password. Save a copy of it without one, and attach that.',
  'pdf-no-text':
    'The PDF file holds pictures and no text, as scans do. Attach its pages as pictures, or a version with text.',
  'pdf-too-long': 'The PDF file has more than 2,000 pages or 2,000,000 characters. Attach a part of it.',
  'pdf-too-slow': 'The PDF file could not be read within a minute. Attach a part of it.',
} as const;
