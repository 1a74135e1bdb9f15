import { expect, test } from 'vitest';
import type { DeviceView } from '#lib/state/device.ts';
import type { ModelView } from '#lib/state/library.ts';
import { preflightText } from './preflight.ts';

const device: DeviceView = {
  webgpu: 'unsupported',
  adapter: undefined,
  softwareAdapter: false,
  f16: false,
  bufferBytesMax: undefined,
  storageBufferBytesMax: undefined,
  workgroupInvocationsMax: undefined,
  cores: 8,
  memoryGiB: 8,
  quotaBytes: 10e9,
  usedBytes: 1e9,
  persistentStorage: false,
  isolated: true,
  phone: false,
  battery: undefined,
  metered: undefined,
  webrtc: true,
  locks: true,
  serviceWorker: 'active',
  browser: 'Chromium 156',
};

const model = (name: string, fits: boolean): ModelView => ({
  name,
  title: name,
  parameters: 1e6,
  quantisation: 'q8',
  contextTokens: 512,
  sizeBytes: 1e6,
  missingBytes: 1e6,
  memoryBytes: 1e6,
  licence: 'MIT',
  engine: 'wllama',
  own: false,
  cachedBytes: 0,
  fit: { fits, reason: '' },
  domains: [],
  languages: [],
  cardUrl: undefined,
});

test('a device without WebGPU', () => {
  expect(preflightText(device, [model('Demo', true), model('Big', false)])).toBe(
    'This device has no usable WebGPU, so models run on the CPU. It has at least 8 GB of memory. There is room for 9 GB of models. It can run Demo.',
  );
});

test('a GPU on battery that no model fits', () => {
  const laptop: DeviceView = {
    ...device,
    webgpu: 'ready',
    adapter: 'apple',
    f16: true,
    memoryGiB: undefined,
    quotaBytes: undefined,
    battery: { charging: false, level: 0.4 },
  };
  expect(preflightText(laptop, [])).toBe(
    'This device has a GPU (apple) with 16-bit floats. None of the available models fits. It is on battery now.',
  );
});

test('an emulated adapter is not called a GPU, and a phone is advised to ask others', () => {
  const phone = { ...device, webgpu: 'ready', softwareAdapter: true, phone: true } as const;
  const sentence = preflightText(phone, [model('Demo', true)]);
  expect(sentence).toContain('WebGPU in software only');
  expect(sentence).not.toContain('has a GPU');
  expect(sentence).toContain('better at asking');
});
