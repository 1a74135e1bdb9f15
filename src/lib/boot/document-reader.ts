import { z } from 'zod';
import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { DocumentKind, Tab } from '#lib/state/tab.ts';

/** What this needs of a `Worker`. */
export type DocumentWorker = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror'>;

const loadTimeoutMs = 30_000;
const readTimeoutMs = 60_000;
const limits = { partsMax: 2_000, lengthMax: 2_000_000 };

const outcomeSchema = z.union([
  z.object({
    outcome: z.literal('done'),
    text: z.string(),
    pages: z.array(z.number().int().nonnegative()),
    unit: z.enum(['page', 'sheet', 'slide']).optional(),
    titles: z.array(z.string()).optional(),
  }),
  z.object({ outcome: z.enum(['broken', 'locked', 'old', 'unknown', 'no-text', 'too-long', 'too-large']) }),
]);

/** Reads each document in a worker of its own, which ends with it whatever happens. */
export function createDocumentReader({
  spawn,
  clock,
}: {
  readonly spawn: Readonly<Record<DocumentKind, () => DocumentWorker>>;
  readonly clock: Clock;
}): Tab['readDocument'] {
  return (kind, bytes, { signal }) =>
    new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const worker = spawn[kind]();
      const fail = (code: string) => end(() => reject(new TabloomError(code, messages[code] ?? code)));
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
          cancelTimer = clock.after(readTimeoutMs, () => fail(`${kind}-too-slow`));
          worker.postMessage({ file: bytes, limits });
          return;
        }
        // A parser may greet whoever listens.
        const read = outcomeSchema.safeParse(data).data;
        if (!read) return;
        if (read.outcome === 'done')
          end(() => resolve({ text: read.text, pages: read.pages, unit: read.unit, titles: read.titles }));
        else fail(`${kind}-${read.outcome}`);
      };
    });
}

const messages: Readonly<Record<string, string>> = {
  'part-missing': 'The reader of documents could not be loaded. Reload the page and attach the file again.',
  'pdf-broken': 'The PDF file is damaged, or is none. Open it in another program and save it anew.',
  'pdf-locked': 'The PDF file takes a password. Save a copy of it without one, and attach that.',
  'pdf-no-text':
    'The PDF file holds pictures and no text, as scans do. Attach its pages as pictures, or a version with text.',
  'pdf-too-long': 'The PDF file has more than 2,000 pages or 2,000,000 characters. Attach a part of it.',
  'pdf-too-slow': 'The PDF file could not be read within a minute. Attach a part of it.',
  'office-broken': 'The document is damaged. Open it in its program and save it anew.',
  'office-locked': 'The document takes a password. Save a copy of it without one, and attach that.',
  'office-old': 'The document is of Office before 2007. Save it as .docx, .xlsx or .pptx, and attach that.',
  'office-unknown': 'The archive is no document that can be read here. Unpack it, and attach the files in it.',
  'office-no-text': 'The document holds no text. Attach its pictures instead.',
  'office-too-long': 'The document has more than 2,000 pages or 2,000,000 characters. Attach a part of it.',
  'office-too-large': 'The document unpacks to far more than its text can be. It was not read.',
  'office-too-slow': 'The document could not be read within a minute. Attach a part of it.',
};
