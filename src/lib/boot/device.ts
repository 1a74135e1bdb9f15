import type { DeviceView } from '#lib/state/device.ts';

/** Members that not every browser has and TypeScript's library therefore lacks. */
export interface WideNavigator extends Navigator {
  readonly deviceMemory?: number;
  readonly connection?: EventTarget & { readonly saveData?: boolean; readonly type?: string };
  readonly getBattery?: () => Promise<EventTarget & { readonly charging: boolean; readonly level: number }>;
  readonly userAgentData?: {
    readonly mobile: boolean;
    readonly brands: readonly { readonly brand: string; readonly version: string }[];
    readonly platform: string;
  };
}

/** Describes this device. Downloads nothing and asks for no permission. */
export async function examineDevice(navigator: WideNavigator): Promise<DeviceView> {
  const [gpu, estimate, persisted, battery, worker] = await Promise.all([
    examineGpu(navigator),
    navigator.storage?.estimate?.().catch(() => undefined),
    navigator.storage?.persisted?.().catch(() => undefined),
    navigator.getBattery?.().catch(() => undefined),
    navigator.serviceWorker?.getRegistration().catch(() => undefined),
  ]);
  return {
    ...gpu,
    cores: navigator.hardwareConcurrency ?? 1,
    memoryGiB: navigator.deviceMemory,
    quotaBytes: estimate?.quota,
    usedBytes: estimate?.usage,
    persistentStorage: persisted,
    isolated: globalThis.crossOriginIsolated ?? false,
    phone: navigator.userAgentData?.mobile ?? /Android|iPhone|iPad/.test(navigator.userAgent),
    battery: battery && { charging: battery.charging, level: battery.level },
    metered: isMetered(navigator),
    webrtc: 'RTCPeerConnection' in globalThis,
    locks: 'locks' in navigator,
    serviceWorker: 'serviceWorker' in navigator ? (worker?.active ? 'active' : 'none') : 'unsupported',
    browser: browserName(navigator),
  };
}

export function isMetered({ connection }: WideNavigator): boolean | undefined {
  if (!connection) return undefined;
  return connection.saveData === true || connection.type === 'cellular';
}

type Gpu = Pick<
  DeviceView,
  | 'webgpu'
  | 'adapter'
  | 'softwareAdapter'
  | 'f16'
  | 'bufferBytesMax'
  | 'storageBufferBytesMax'
  | 'workgroupInvocationsMax'
>;

const noGpu: Gpu = {
  webgpu: 'unsupported',
  adapter: undefined,
  softwareAdapter: false,
  f16: false,
  bufferBytesMax: undefined,
  storageBufferBytesMax: undefined,
  workgroupInvocationsMax: undefined,
};

async function examineGpu({ gpu }: WideNavigator): Promise<Gpu> {
  if (!gpu) return noGpu;
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (!adapter) return { ...noGpu, webgpu: 'no-adapter' };
  const { info, limits, features } = adapter;
  const named = [info.vendor, info.architecture].filter(Boolean).join(' ');
  return {
    webgpu: 'ready',
    adapter: named || undefined,
    softwareAdapter: info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|software/i.test(named),
    f16: features.has('shader-f16'),
    bufferBytesMax: limits.maxBufferSize,
    storageBufferBytesMax: limits.maxStorageBufferBindingSize,
    workgroupInvocationsMax: limits.maxComputeInvocationsPerWorkgroup,
  };
}

/** Coarse: name and major version, nothing that identifies a user. */
function browserName({ userAgentData, userAgent }: WideNavigator): string {
  const brand = userAgentData?.brands.find(({ brand }) => !/not.a.brand/i.test(brand));
  if (brand) return `${brand.brand} ${brand.version}, ${userAgentData!.platform}`;
  const match = /(Firefox|Version|Chrome)\/(\d+)/.exec(userAgent);
  return match ? `${match[1] === 'Version' ? 'Safari' : match[1]} ${match[2]}` : 'another browser';
}
