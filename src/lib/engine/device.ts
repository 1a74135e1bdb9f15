import { TabloomError } from '#lib/base/errors.ts';

/** What this device can do, as far as a page may know it. Coarse; never a fingerprint. */
export interface DeviceFacts {
  readonly webgpu: 'available' | 'none' | 'software';
  /** The `shader-f16` feature: half the memory traffic, and most models' preferred build. */
  readonly f16: boolean;
  /** `apple`, `nvidia`, `intel`, `amd`, `qualcomm` and so on; `unknown` where it is hidden. */
  readonly vendor: string;
  /** The largest buffer that WebLLM's shaders can read here; what its runtime is given, not what the GPU could. */
  readonly maxBufferBytes: number;
  /** Why WebGPU cannot be used, in a sentence; undefined when it can. */
  readonly obstacle: string | undefined;
  /** `navigator.deviceMemory` in bytes, rounded down by the browser and capped at 8 GiB or a little more. */
  readonly memoryBytes: number | undefined;
}

/** What WebLLM's runtime asks of a device; below it, it does not start. */
const required = {
  maxBufferSize: 256 * 1024 * 1024,
  maxStorageBufferBindingSize: 128 * 1024 * 1024,
  maxComputeWorkgroupStorageSize: 32 * 1024,
  maxStorageBuffersPerShaderStage: 10,
} as const;

/** WebLLM's runtime asks for buffers of this size, and where the GPU has less, for no more than the least in `required`. */
const wishedBufferBytes = 1024 ** 3;

/** The parts of `navigator` that are looked at. */
export interface NavigatorFacts {
  readonly gpu?: Pick<GPU, 'requestAdapter'> | undefined;
  readonly deviceMemory?: number | undefined;
}

/** Asks for an adapter and looks; nothing is allocated. Never throws: a browser that fails here has no WebGPU. */
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
  if (!adapter)
    return none('The browser found no GPU that it lets pages use. Check its hardware acceleration setting.');
  const lacking = Object.entries(required).find(([name, least]) => !(Number(limitOf(adapter, name)) >= least));
  if (lacking) return none(`The GPU is below what the engine needs: ${lacking[0]} must be at least ${lacking[1]}.`);
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
  adapter.limits[name] >= wishedBufferBytes ? wishedBufferBytes : required[name];

const isSoftware = (adapter: GPUAdapter): boolean =>
  adapter.info.isFallbackAdapter ||
  /swiftshader|llvmpipe|lavapipe/i.test(adapter.info.architecture + adapter.info.description);

export const noWebGpu = (obstacle: string): TabloomError => new TabloomError('no-webgpu', obstacle);
