import { TabloomError } from '#lib/base/errors.ts';
import type { DeviceFacts } from '#lib/engine/device.ts';
import type { ModelView } from '#lib/state/library.ts';
import type { Settings } from '#lib/state/settings.ts';
import { phoneMemoryBytesMax, type PageFacts } from './model-view.ts';

/**
 * @throws `not-shareable` for the browser's own model, which its maker lets this device use; `over-memory-limit` or `over-disk-limit` where sharing this model would take more than the user allows.
 */
export function checkModelLimits(
  name: string,
  models: readonly ModelView[],
  { memoryBytesMax, diskBytesMax }: Pick<Settings, 'memoryBytesMax' | 'diskBytesMax'>,
): void {
  const model = models.find((one) => one.name === name);
  if (!model) return;
  if (model.engine === 'prompt-api')
    throw new TabloomError(
      'not-shareable',
      'The browser’s own model answers this device alone. Choose another to share.',
    );
  if (memoryBytesMax > 0 && model.memoryBytes > memoryBytesMax)
    throw new TabloomError(
      'over-memory-limit',
      `${model.title} needs more memory than you allow for sharing. Raise the limit, or choose a smaller model.`,
    );
  const stored = models.reduce((sum, { cachedBytes }) => sum + cachedBytes, 0);
  const missing = model.missingBytes ?? 0;
  if (diskBytesMax > 0 && missing > 0 && stored + missing > diskBytesMax)
    throw new TabloomError(
      'over-disk-limit',
      `With ${model.title} the models on this device would take more space than you allow. Delete one, or raise the limit.`,
    );
}

/** Where the browser does not say how much memory there is. */
const memoryBytesAssumed = 4 * 1024 ** 3;
/** The rest is for the system and other tabs. */
const usableShare = 0.75;

/** Bytes that models may take together where their owner has set nothing; browsers report 8 GiB at most. */
export function memoryOf(facts: { readonly device: DeviceFacts; readonly page: PageFacts } | undefined): number {
  if (facts?.page.phone) return phoneMemoryBytesMax;
  return Math.floor((facts?.device.memoryBytes ?? memoryBytesAssumed) * usableShare);
}
