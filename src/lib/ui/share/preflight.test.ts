import { expect, test } from 'vitest';
import type { DeviceView } from '#lib/state/device.ts';
import type { ModelView } from '#lib/state/library.ts';
import { preflightSentence } from './preflight.ts';

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
});

test('a device without WebGPU', () => {
  expect(preflightSentence(device, [model('Demo', true), model('Big', false)])).toBe(
    'This device has no usable WebGPU, so models run on the processor, at least 8 GB of memory and 9 GB of room for models. It can run Demo.',
  );
});

test('a graphics processor, on battery, that fits nothing', () => {
  const laptop: DeviceView = {
    ...device,
    webgpu: 'ready',
    adapter: 'apple',
    f16: true,
    memoryGiB: undefined,
    quotaBytes: undefined,
    battery: { charging: false, level: 0.4 },
  };
  expect(preflightSentence(laptop, [])).toBe(
    'This device has a graphics processor (apple) with 16-bit arithmetic. None of the models known here fits. It runs on battery now.',
  );
});

test('an emulated adapter is not called a graphics processor, and a phone is advised to ask', () => {
  const phone = { ...device, webgpu: 'ready', softwareAdapter: true, phone: true } as const;
  const sentence = preflightSentence(phone, [model('Demo', true)]);
  expect(sentence).toContain('WebGPU only in software');
  expect(sentence).not.toContain('graphics processor');
  expect(sentence).toContain('asking suits it better');
});
