/// <reference lib="webworker" />
import { readPdf, type PdfLimits } from './pdf/read-pdf.ts';

declare const self: DedicatedWorkerGlobalScope;

// One document, then the page ends the worker. The parser listens here too, for messages of its own.
self.addEventListener(
  'message',
  ({ data }: MessageEvent<{ readonly file?: Uint8Array; readonly limits: PdfLimits }>) => {
    if (data.file) void readPdf(data.file, data.limits).then((read) => self.postMessage(read));
  },
);
self.postMessage('loaded');
