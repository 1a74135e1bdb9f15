/** What this device can do. Found out by looking, without downloading anything. */
export interface DeviceView {
  readonly webgpu: 'ready' | 'no-adapter' | 'unsupported';
  /** Vendor and architecture as the browser gives them; coarse. */
  readonly adapter: string | undefined;
  readonly softwareAdapter: boolean;
  readonly f16: boolean;
  readonly bufferBytesMax: number | undefined;
  readonly storageBufferBytesMax: number | undefined;
  readonly workgroupInvocationsMax: number | undefined;
  readonly cores: number;
  /** As told by the browser, rounded by it; undefined where it does not tell. */
  readonly memoryGiB: number | undefined;
  readonly quotaBytes: number | undefined;
  readonly usedBytes: number | undefined;
  readonly persistentStorage: boolean | undefined;
  readonly isolated: boolean;
  readonly phone: boolean;
  readonly battery: { readonly charging: boolean; readonly level: number } | undefined;
  readonly metered: boolean | undefined;
  readonly webrtc: boolean;
  /** Without them no tab takes the device's key, since it could not know that it is the only one. */
  readonly locks: boolean;
  readonly serviceWorker: 'active' | 'none' | 'unsupported';
  readonly browser: string;
}
