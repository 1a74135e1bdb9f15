import { expect, test } from 'vitest';
import { catalog, demoModel } from '#lib/engine/catalog.ts';
import type { Device } from './device.ts';
import { fitOf } from './fit.ts';

const device: Device = {
  webgpu: 'ready',
  adapter: 'apple',
  softwareAdapter: false,
  f16: true,
  bufferBytesMax: 4e9,
  storageBufferBytesMax: 4e9,
  workgroupInvocationsMax: 1024,
  cores: 8,
  memoryGiB: 8,
  quotaBytes: 100e9,
  usedBytes: 0,
  persistentStorage: true,
  isolated: true,
  phone: false,
  battery: undefined,
  metered: false,
  webrtc: true,
  serviceWorker: 'active',
  browser: 'test',
};
const half = catalog.find(({ source }) => source.kind === 'mlc' && source.f16)!;
const full = catalog.find(({ source }) => source.kind === 'mlc' && !source.f16)!;
const fits = (model: typeof half, change: Partial<Device>, cached = 0) =>
  fitOf(model, { ...device, ...change }, cached).fits;

test('a GPU model needs a real adapter and, in its half-precision build, 16-bit arithmetic', () => {
  expect(fits(half, {})).toBe(true);
  expect(fits(half, { f16: false })).toBe(false);
  expect(fits(full, { f16: false })).toBe(true);
  expect(fits(full, { webgpu: 'no-adapter' })).toBe(false);
  expect(fits(full, { softwareAdapter: true })).toBe(false);
});

test('the bundled model runs without WebGPU, on a phone and with little memory', () => {
  expect(fits(demoModel, { webgpu: 'unsupported', phone: true, memoryGiB: 1 })).toBe(true);
});

test('memory and room count, and what is cached needs no room', () => {
  expect(fits({ ...half, memoryBytes: 7e9 }, { memoryGiB: 8 })).toBe(false);
  expect(fits(half, { quotaBytes: 100e6 })).toBe(false);
  expect(fits(half, { quotaBytes: 100e6 }, half.sizeBytes)).toBe(true);
  expect(fits({ ...half, memoryBytes: 2e9 }, { phone: true })).toBe(false);
});
