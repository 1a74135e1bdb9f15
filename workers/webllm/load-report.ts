import type { ProgressMeter } from '#lib/engine/progress.ts';
import type { InitProgressReport } from '@mlc-ai/web-llm';

/** Progress of loading a WebLLM model: its files, then WebLLM's start, then ready. */
export interface LoadReport {
  readonly files: ProgressMeter;
  readonly start: (step: Pick<InitProgressReport, 'progress' | 'text'>) => void;
  readonly ready: () => void;
}

/**
 * The actual file sizes replace `sizeBytes`, which is 0 for user-supplied models. WebLLM reports a fraction and a text,
 * running from 0 to 1 twice: while uploading the stored files to the GPU, and while compiling, when the text mentions
 * shaders. These are merged into one step that never goes backwards.
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
