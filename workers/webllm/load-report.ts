import type { ProgressMeter } from '#lib/engine/progress.ts';
import type { InitProgressReport } from '@mlc-ai/web-llm';

/** What a load of a WebLLM model tells: its files, then WebLLM's start, then that it is ready. */
export interface LoadReport {
  readonly files: ProgressMeter;
  readonly start: (step: Pick<InitProgressReport, 'progress' | 'text'>) => void;
  readonly ready: () => void;
}

/**
 * What the files say they are replaces `sizeBytes`, which for a model of one's own is nothing. WebLLM reports a share and a
 * sentence, twice from nothing to the whole: while it brings the stored files to the GPU, and while it compiles, when the
 * sentence speaks of shaders. To a reader that is one step, which never goes back.
 */
export function createLoadReport(meter: ProgressMeter, sizeBytes: number): LoadReport {
  let totalBytes = sizeBytes;
  let fromCache = true;
  return {
    files(step) {
      totalBytes = step.totalBytes || totalBytes;
      fromCache &&= step.fromCache;
      meter(step);
    },
    start({ progress, text }) {
      const share = Math.min(1, Math.max(0, progress));
      const second = /shader|^finish/i.test(text);
      const loadedBytes = Math.round((totalBytes * (second ? 1 + share : share)) / 2);
      meter({ phase: 'compile', loadedBytes, totalBytes, fromCache: true });
    },
    ready: () => meter({ phase: 'ready', loadedBytes: totalBytes, totalBytes, fromCache }),
  };
}
