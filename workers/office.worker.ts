/// <reference lib="webworker" />
import type { OfficeLimits } from './office/document.ts';
import { readOffice } from './office/read-office.ts';

declare const self: DedicatedWorkerGlobalScope;

// One document, then the page ends the worker.
self.addEventListener(
  'message',
  ({ data }: MessageEvent<{ readonly file: Uint8Array<ArrayBuffer>; readonly limits: OfficeLimits }>) =>
    void readOffice(data.file, data.limits).then((read) => self.postMessage(read)),
);
self.postMessage('loaded');
