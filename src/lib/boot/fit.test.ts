import { expect, test } from 'vitest';
import { catalog, demoModel } from '#lib/engine/catalog.ts';
import type { DeviceFacts } from '#lib/engine/device.ts';
import { tabFit, type PageFacts } from './fit.ts';

const device: DeviceFacts = {
  webgpu: 'available',
  f16: true,
  vendor: 'apple',
  maxBufferBytes: 4e9,
  obstacle: undefined,
  memoryBytes: undefined,
};
const page: PageFacts = { phone: false, roomBytes: undefined };
const gpuModel = catalog.find(({ source }) => source.kind === 'mlc' && source.f16)!;

test('what the engine’s own check refuses does not fit', () => {
  expect(tabFit(gpuModel, device, page, 0)).toMatchObject({ fits: true });
  expect(tabFit(gpuModel, { ...device, f16: false }, page, 0)).toMatchObject({ fits: false });
  expect(tabFit(gpuModel, { ...device, webgpu: 'none', obstacle: 'No GPU.' }, page, 0)).toEqual({
    fits: false,
    reason: 'No GPU.',
  });
  expect(tabFit(gpuModel, { ...device, webgpu: 'software' }, page, 0)).toMatchObject({ fits: false });
});

test('the bundled model fits a small phone without WebGPU', () => {
  const small = { ...device, webgpu: 'none', memoryBytes: 1024 ** 3 } as const;
  expect(tabFit(demoModel, small, { phone: true, roomBytes: 1e9 }, 0)).toMatchObject({ fits: true });
});

test('a phone runs nothing large; room counts only for what is missing', () => {
  const large = { ...gpuModel, memoryBytes: 2e9 };
  expect(tabFit(large, device, { ...page, phone: true }, 0).fits).toBe(false);
  expect(tabFit(gpuModel, device, { ...page, roomBytes: 60e6 }, 0).fits).toBe(false);
  expect(tabFit(gpuModel, device, { ...page, roomBytes: 60e6 }, gpuModel.sizeBytes).fits).toBe(true);
});
