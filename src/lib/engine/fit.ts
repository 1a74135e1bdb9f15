import type { DeviceFacts } from './device.ts';
import type { ModelEntry } from './spec.ts';

/** Whether a model can run here. `slow`: it would, on a processor that plays a GPU. */
export type Fit =
  | { readonly verdict: 'fits' | 'tight' | 'slow'; readonly says: string }
  | { readonly verdict: 'no-webgpu' | 'needs-f16' | 'too-large'; readonly says: string };

/** Of a device's memory, what a tab may count on: the system and the other tabs live there too. */
const usableShare = 0.75;
/** Browsers do not say more than this; at it, the memory may be any amount above. */
const reportedMemoryBytesMax = 8 * 1024 ** 3;

/**
 * The fit check before a download, by the two bounds a page can know. It cannot ask a GPU for its memory, so the
 * device's own counts against the need where the browser tells it below its cap; and the model's largest tensor must go
 * into one buffer. An unknown need always fits.
 */
export function fit(model: ModelEntry, device: DeviceFacts): Fit {
  if (model.source.kind === 'mlc') {
    if (device.webgpu === 'none')
      return { verdict: 'no-webgpu', says: device.obstacle ?? 'This browser has no WebGPU.' };
    if (model.source.f16 && !device.f16) {
      return {
        verdict: 'needs-f16',
        says: 'Needs 16-bit shaders, which this GPU lacks. Choose the f32 build.',
      };
    }
  }
  if (model.source.kind === 'mlc' && (model.largestBufferBytes ?? 0) > device.maxBufferBytes) {
    const says = `Needs a buffer of ${gib(model.largestBufferBytes!)}; this GPU allows at most ${gib(device.maxBufferBytes)}. Choose a smaller model.`;
    return { verdict: 'too-large', says };
  }
  const memoryBytes =
    device.memoryBytes === undefined || device.memoryBytes >= reportedMemoryBytesMax ? undefined : device.memoryBytes;
  if (memoryBytes !== undefined && model.memoryBytes > memoryBytes * usableShare) {
    const says = `Needs ${gib(model.memoryBytes)} of memory; this device has ${gib(memoryBytes)}. Choose a smaller model.`;
    return { verdict: 'too-large', says };
  }
  if (model.source.kind === 'mlc' && device.webgpu === 'software') {
    return {
      verdict: 'slow',
      says: 'WebGPU runs in software here: a few tokens a minute. Choose a model that runs on the CPU.',
    };
  }
  if (memoryBytes !== undefined && model.memoryBytes > (memoryBytes * usableShare) / 2) {
    return { verdict: 'tight', says: `Needs ${gib(model.memoryBytes)} of memory. Close other tabs first.` };
  }
  return { verdict: 'fits', says: `Needs ${gib(model.memoryBytes)} of memory.` };
}

/** Of each pair of builds the one for this device: `f16` where it can, else `f32`; models without a pair stay. */
export function forDevice(models: readonly ModelEntry[], device: Pick<DeviceFacts, 'f16'>): readonly ModelEntry[] {
  const pairOf = (model: ModelEntry) => model.name.replace(/q(\d)f(16|32)/, 'q$1f*');
  return models.filter((model) => {
    if (model.source.kind !== 'mlc' || model.source.f16 === device.f16) return true;
    return !models.some((other) => other !== model && other.source.kind === 'mlc' && pairOf(other) === pairOf(model));
  });
}

const gib = (bytes: number): string =>
  bytes < 1024 ** 3 ? `${Math.ceil(bytes / 1024 ** 2)} MB` : `${(bytes / 1024 ** 3).toFixed(1)} GB`;
