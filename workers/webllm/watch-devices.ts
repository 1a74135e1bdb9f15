import { TabloomError } from '#lib/base/errors.ts';

/** The global scope whose GPU adapter class is watched, such as a worker's `self`. */
export interface AdapterScope {
  readonly GPUAdapter?: { readonly prototype: Pick<GPUAdapter, 'requestDevice'> } | undefined;
}

/**
 * A signal that aborts when a GPU device created in this worker is lost, unless it was destroyed deliberately. WebLLM
 * only logs this, so device creation is intercepted.
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
          'The GPU was lost, usually because it ran out of memory. Load the model again, or choose a smaller one.',
          { details: { reason: message.slice(0, 256) } },
        ),
      );
    });
    return device;
  };
  return lost.signal;
}
