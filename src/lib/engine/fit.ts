import type { DeviceFacts } from './device.ts';
import type { ModelEntry } from './spec.ts';

/** Whether a model can run on this device. `slow`: only with software-emulated WebGPU. */
export type Fit =
  | { readonly verdict: 'fits' | 'tight' | 'slow'; readonly message: string }
  | { readonly verdict: 'no-webgpu' | 'needs-f16' | 'too-large'; readonly message: string };

/** The share of a device's memory a tab may use; the rest is for the system and other tabs. */
const usableShare = 0.75;
/** Browsers report at most this much; a device that reports it may have any amount more. */
const reportedMemoryBytesMax = 8 * 1024 ** 3;

/**
 * The check before a download, against the two bounds a page can know. GPU memory cannot be queried, so the model's
 * memory is compared with the device's, if the browser reports one below its cap; and the model's largest tensor must
 * fit into one buffer. Unknown requirements count as fitting.
 */
export function fit(model: ModelEntry, device: DeviceFacts): Fit {
  if (model.source.kind === 'mlc') {
    if (device.webgpu === 'none')
      return { verdict: 'no-webgpu', message: device.obstacle ?? 'This browser has no WebGPU.' };
    if (model.source.f16 && !device.f16) {
      return {
        verdict: 'needs-f16',
        message: 'Needs 16-bit shaders, which this GPU lacks. Choose another model.',
      };
    }
  }
  if (model.source.kind === 'mlc' && (model.largestBufferBytes ?? 0) > device.maxBufferBytes) {
    const message = `Needs a buffer of ${gib(model.largestBufferBytes!)}; this GPU allows at most ${gib(device.maxBufferBytes)}. Choose a smaller model.`;
    return { verdict: 'too-large', message };
  }
  const memoryBytes =
    device.memoryBytes === undefined || device.memoryBytes >= reportedMemoryBytesMax ? undefined : device.memoryBytes;
  if (memoryBytes !== undefined && model.memoryBytes > memoryBytes * usableShare) {
    const message = `Needs ${gib(model.memoryBytes)} of memory; this device has ${gib(memoryBytes)}. Choose a smaller model.`;
    return { verdict: 'too-large', message };
  }
  if (model.source.kind === 'mlc' && device.webgpu === 'software') {
    return {
      verdict: 'slow',
      message: 'WebGPU runs in software here: a few tokens a minute. Choose a model that runs on the CPU.',
    };
  }
  if (memoryBytes !== undefined && model.memoryBytes > (memoryBytes * usableShare) / 2) {
    return { verdict: 'tight', message: `Needs ${gib(model.memoryBytes)} of memory. Close other tabs first.` };
  }
  return { verdict: 'fits', message: `Needs ${gib(model.memoryBytes)} of memory.` };
}

/**
 * Of each pair of builds, keeps the one for this device: `f16` if supported, else `f32`. Models without a counterpart
 * are kept.
 */
export function forDevice(models: readonly ModelEntry[], device: Pick<DeviceFacts, 'f16'>): readonly ModelEntry[] {
  const pairOf = (model: ModelEntry) => model.name.replace(/q(\d)f(16|32)/, 'q$1f*');
  return models.filter((model) => {
    if (model.source.kind !== 'mlc' || model.source.f16 === device.f16) return true;
    return !models.some((other) => other !== model && other.source.kind === 'mlc' && pairOf(other) === pairOf(model));
  });
}

const gib = (bytes: number): string =>
  bytes < 1024 ** 3 ? `${Math.ceil(bytes / 1024 ** 2)} MB` : `${(bytes / 1024 ** 3).toFixed(1)} GB`;
