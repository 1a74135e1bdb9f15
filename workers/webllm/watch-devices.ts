import { TabloomError } from '#lib/base/errors.ts';

/** The constructor whose devices are watched; a worker's `self` has it. */
export interface AdapterScope {
  readonly GPUAdapter?: { readonly prototype: Pick<GPUAdapter, 'requestDevice'> } | undefined;
}

/**
 * A signal that aborts when a device made in this worker is lost, other than by being destroyed on purpose. WebLLM only
 * writes that to its log, so devices are noted where they are made.
 */
export function watchDevices(scope: AdapterScope): AbortSignal {
  const lost = new AbortController();
  const prototype = scope.GPUAdapter?.prototype;
  if (!prototype) return lost.signal;
  const requestDevice = prototype.requestDevice;
  prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
    const device = await requestDevice.call(this, descriptor);
    void device.lost.then(({ reason, message }) => {
      if (reason === 'destroyed') return;
      lost.abort(
        new TabloomError(
          'device-lost',
          'The GPU gave up, most often for want of memory. Load the model again, or choose a smaller one.',
          { details: { reason: message.slice(0, 256) } },
        ),
      );
    });
    return device;
  };
  return lost.signal;
}
