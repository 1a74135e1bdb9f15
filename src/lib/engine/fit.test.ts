import { describe, expect, test } from 'vitest';
import { catalog, customModel, findModel } from './catalog.ts';
import { readDevice, type DeviceFacts } from './device.ts';
import { fit, forDevice } from './fit.ts';

const gpu: DeviceFacts = {
  webgpu: 'available',
  f16: true,
  vendor: 'apple',
  maxBufferBytes: 1024 ** 3,
  obstacle: undefined,
  memoryBytes: undefined,
};
const small = findModel('qwen2.5-0.5b-q4f16_1');
const large = findModel('llama-3.1-8b-q4f16_1');
const mine = customModel({
  name: 'mine',
  source: { kind: 'mlc', weightsUrl: 'https://a.example/w/', libraryUrl: 'https://a.example/l.wasm', f16: true },
  contextTokens: 512,
});
const gib = (count: number) => count * 1024 ** 3;

describe('fit', () => {
  test.each([
    ['a device that does not say its memory', large, {}, 'fits'],
    ['a device at the browser’s cap, which may have more', large, { memoryBytes: gib(8) }, 'fits'],
    ['little memory', large, { memoryBytes: gib(4) }, 'too-large'],
    ['just enough memory', findModel('smollm2-1.7b-q4f16_1'), { memoryBytes: gib(4) }, 'tight'],
    ['enough memory', small, { memoryBytes: gib(4) }, 'fits'],
    ['a GPU with small buffers', large, { maxBufferBytes: 128 * 1024 ** 2 }, 'too-large'],
    [
      'a GPU with buffers just large enough',
      findModel('llama-3.2-1b-q4f32_1'),
      { maxBufferBytes: 128 * 1024 ** 2 },
      'fits',
    ],
    ['a GPU with small buffers, for a model of unknown tensor size', mine, { maxBufferBytes: 128 * 1024 ** 2 }, 'fits'],
    ['no 16-bit shaders', small, { f16: false }, 'needs-f16'],
    ['a software GPU', small, { webgpu: 'software' }, 'slow'],
    ['no WebGPU', small, { webgpu: 'none', obstacle: 'None here.' }, 'no-webgpu'],
    ['no WebGPU, for a model that needs none', findModel('tabloom-demo'), { webgpu: 'none' }, 'fits'],
  ] as const)('on %s', (_, model, facts, verdict) => {
    const result = fit(model, { ...gpu, ...facts });
    expect(result.verdict).toBe(verdict);
    expect(result.message).toMatch(/\.$/);
  });
});

describe('builds for a device', () => {
  test('include one of each pair', () => {
    for (const f16 of [true, false]) {
      const chosen = forDevice(catalog, { f16 });
      const others = chosen.filter(({ source }) => source.kind === 'mlc' && source.f16 !== f16);
      // Gemma 3 has no build without f16.
      expect(others.map(({ name }) => name)).toEqual(f16 ? [] : ['gemma-3-1b-q4f16_1']);
      expect(new Set(chosen.map(({ title }) => title)).size).toBe(chosen.length);
      expect(chosen.length).toBe(new Set(catalog.map(({ title }) => title)).size);
    }
  });

  test('include a model without a counterpart, so that the page can say why it does not run', () => {
    expect(forDevice([mine], { f16: false })).toEqual([mine]);
  });
});

describe('reading a device', () => {
  const limits = {
    maxBufferSize: 2 ** 30,
    maxStorageBufferBindingSize: 2 ** 30,
    maxComputeWorkgroupStorageSize: 32_768,
    maxStorageBuffersPerShaderStage: 10,
  };
  const adapter = (more: { limits?: object; info?: object; features?: string[] } = {}) => ({
    requestAdapter: async () =>
      ({
        limits: { ...limits, ...more.limits },
        info: { vendor: 'Apple', architecture: 'm', description: '', isFallbackAdapter: false, ...more.info },
        features: new Set(more.features ?? ['shader-f16']),
      }) as unknown as GPUAdapter,
  });

  test('reports what it found', async () => {
    expect(await readDevice({ gpu: adapter(), deviceMemory: 4 })).toEqual({
      webgpu: 'available',
      f16: true,
      vendor: 'apple',
      maxBufferBytes: 2 ** 30,
      obstacle: undefined,
      memoryBytes: gib(4),
    });
    const larger = { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 32 };
    expect((await readDevice({ gpu: adapter({ limits: larger }) })).maxBufferBytes).toBe(2 ** 30);
    const smaller = { maxStorageBufferBindingSize: 2 ** 29 };
    expect((await readDevice({ gpu: adapter({ limits: smaller }) })).maxBufferBytes).toBe(2 ** 27);
    expect((await readDevice({ gpu: adapter({ features: [] }) })).f16).toBe(false);
    expect((await readDevice({ gpu: adapter({ info: { isFallbackAdapter: true } }) })).webgpu).toBe('software');
    expect((await readDevice({ gpu: adapter({ info: { vendor: '' } }) })).vendor).toBe('unknown');
  });

  test.each([
    ['no WebGPU', {}],
    ['no adapter', { gpu: { requestAdapter: async () => null } }],
    ['a browser that fails', { gpu: { requestAdapter: () => Promise.reject(new Error('no')) } }],
    ['a GPU below the need', { gpu: adapter({ limits: { maxStorageBuffersPerShaderStage: 8 } }) }],
  ])('reports the obstacle with %s', async (_, navigator) => {
    const device = await readDevice(navigator);
    expect(device.webgpu).toBe('none');
    expect(device.obstacle).toMatch(/\.$/);
  });
});
