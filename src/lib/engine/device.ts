import { TabloomError } from '#lib/base/errors.ts';

/** The device's capabilities, as far as a page can know them. Deliberately coarse, so that they are no fingerprint. */
export interface DeviceFacts {
  readonly webgpu: 'available' | 'none' | 'software';
  /** The `shader-f16` feature: halves memory traffic and enables most models' preferred build. */
  readonly f16: boolean;
  /** `apple`, `nvidia`, `intel`, `amd`, `qualcomm` and so on; `unknown` if hidden. */
  readonly vendor: string;
  /** The largest buffer WebLLM's shaders can read here: the limit its runtime requests, not the GPU's maximum. */
  readonly maxBufferBytes: number;
  /** Why WebGPU cannot be used, as a sentence; undefined if it can. */
  readonly obstacle: string | undefined;
  /** `navigator.deviceMemory` in bytes, rounded down and capped by the browser, at 8 GiB or slightly more. */
  readonly memoryBytes: number | undefined;
}

/** The minimum limits WebLLM's runtime requires; it does not start below them. */
const required = {
  maxBufferSize: 256 * 1024 * 1024,
  maxStorageBufferBindingSize: 128 * 1024 * 1024,
  maxComputeWorkgroupStorageSize: 32 * 1024,
  maxStorageBuffersPerShaderStage: 10,
} as const;

/**
 * WebLLM's runtime requests buffers of this size and, if the GPU supports less, falls back to the minimum in
 * `required`.
 */
const preferredBufferBytes = 1024 ** 3;

/** The parts of `navigator` that are read. */
export interface NavigatorFacts {
  readonly gpu?: Pick<GPU, 'requestAdapter'> | undefined;
  readonly deviceMemory?: number | undefined;
}

/**
 * Requests an adapter and reads its properties without creating a device. Never throws: a browser that fails here has
 * no WebGPU.
 */
export async function readDevice(navigator: NavigatorFacts): Promise<DeviceFacts> {
  const memoryBytes = navigator.deviceMemory === undefined ? undefined : navigator.deviceMemory * 1024 ** 3;
  const none = (obstacle: string): DeviceFacts => ({
    webgpu: 'none',
    f16: false,
    vendor: 'unknown',
    maxBufferBytes: 0,
    obstacle,
    memoryBytes,
  });
  if (!navigator.gpu) return none('This browser has no WebGPU. Use a current Chrome, Edge, Firefox or Safari.');
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (!adapter) return none('The browser has no GPU available to pages. Check its hardware acceleration setting.');
  const lacking = Object.entries(required).find(([name, least]) => !(Number(limitOf(adapter, name)) >= least));
  if (lacking)
    return none(`The GPU does not meet the engine’s requirements: ${lacking[0]} must be at least ${lacking[1]}.`);
  return {
    webgpu: isSoftware(adapter) ? 'software' : 'available',
    f16: adapter.features.has('shader-f16'),
    vendor:
      adapter.info.vendor
        .toLowerCase()
        .replaceAll(/[^a-z0-9-]/g, '')
        .slice(0, 24) || 'unknown',
    maxBufferBytes: Math.min(granted(adapter, 'maxBufferSize'), granted(adapter, 'maxStorageBufferBindingSize')),
    obstacle: undefined,
    memoryBytes,
  };
}

const limitOf = (adapter: GPUAdapter, name: string): unknown => adapter.limits[name as keyof GPUSupportedLimits];

const granted = (adapter: GPUAdapter, name: 'maxBufferSize' | 'maxStorageBufferBindingSize'): number =>
  adapter.limits[name] >= preferredBufferBytes ? preferredBufferBytes : required[name];

const isSoftware = (adapter: GPUAdapter): boolean =>
  adapter.info.isFallbackAdapter ||
  /swiftshader|llvmpipe|lavapipe/i.test(adapter.info.architecture + adapter.info.description);

export const noWebGpu = (obstacle: string): TabloomError => new TabloomError('no-webgpu', obstacle);
