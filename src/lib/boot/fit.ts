import type { ModelEntry } from '#lib/engine/spec.ts';
import type { Device } from './device.ts';

/** Whether a device can run a model, with the reason in a sentence. */
export interface Fit {
  readonly fits: boolean;
  readonly reason: string;
}

/** Free space beyond the model's own size that a download should leave. */
const spareBytes = 50e6;

export function fitOf(model: ModelEntry, device: Device, cachedBytes: number): Fit {
  const no = (reason: string): Fit => ({ fits: false, reason });
  const gpu = model.source.kind === 'mlc';
  if (gpu && device.webgpu !== 'ready')
    return no(
      device.webgpu === 'unsupported'
        ? 'Needs WebGPU, which this browser lacks.'
        : 'Needs a WebGPU adapter; none was found.',
    );
  if (gpu && device.softwareAdapter) return no('Needs a graphics processor; here WebGPU runs in software.');
  if (model.source.kind === 'mlc' && model.source.f16 && !device.f16) return no('Needs 16-bit arithmetic on the GPU.');
  // Browsers round this down and stop at 8 or 32; half of it is what a tab may hope for.
  const memory = device.memoryGiB === undefined ? undefined : device.memoryGiB * 1024 ** 3;
  if (memory !== undefined && model.memoryBytes > memory * 0.75) return no('Needs more memory than this device has.');
  if (device.phone && model.memoryBytes > 1.2e9) return no('Too large for a phone: the system would close the tab.');
  const room = device.quotaBytes === undefined ? undefined : device.quotaBytes - (device.usedBytes ?? 0);
  const missing = Math.max(0, model.sizeBytes - cachedBytes);
  if (room !== undefined && missing + spareBytes > room && missing > 0)
    return no('There is not enough room for its files.');
  return {
    fits: true,
    reason: gpu ? 'Fits this device, on its graphics processor.' : 'Fits this device, on its processor.',
  };
}
