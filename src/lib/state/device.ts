/** The device's capabilities, determined without downloading anything. */
export interface DeviceView {
  readonly webgpu: 'ready' | 'no-adapter' | 'unsupported';
  /** Vendor and architecture as reported by the browser; coarse. */
  readonly adapter: string | undefined;
  readonly softwareAdapter: boolean;
  readonly f16: boolean;
  readonly bufferBytesMax: number | undefined;
  readonly storageBufferBytesMax: number | undefined;
  readonly workgroupInvocationsMax: number | undefined;
  readonly cores: number;
  /** As reported, and rounded, by the browser; undefined if it does not report any. */
  readonly memoryGiB: number | undefined;
  readonly quotaBytes: number | undefined;
  readonly usedBytes: number | undefined;
  readonly persistentStorage: boolean | undefined;
  readonly isolated: boolean;
  readonly phone: boolean;
  readonly battery: { readonly charging: boolean; readonly level: number } | undefined;
  readonly metered: boolean | undefined;
  readonly webrtc: boolean;
  /** Web Locks. Without them no tab uses the device's key, because it could not know that it is the only one. */
  readonly locks: boolean;
  readonly serviceWorker: 'active' | 'none' | 'unsupported';
  readonly browser: string;
}

/** Whether somebody uses this device now; `unknown`: the browser has not been permitted to tell. */
export type Presence = 'away' | 'present' | 'unknown' | 'unsupported';

/**
 * How this page can become an app of the device: `offered` by the browser; by hand in Safari's Share menu on a phone or tablet, or in
 * its File menu on a Mac; `none`: not here, or not now.
 */
export type Install = 'none' | 'offered' | 'by-share-menu' | 'by-dock' | 'installed';
