import { expect, test } from 'vitest';
import { watchDevices } from './watch-devices.ts';

/** An adapter class whose devices can be lost on demand. */
function adapterScope() {
  let lose: (info: { reason: string; message: string }) => void = () => undefined;
  class FakeAdapter {
    async requestDevice() {
      return { lost: new Promise((resolve) => (lose = resolve)) };
    }
  }
  const scope = { GPUAdapter: FakeAdapter as unknown as { prototype: GPUAdapter } };
  return { scope, adapter: new FakeAdapter(), lose: (reason: string) => lose({ reason, message: 'gone' }) };
}

test('a lost device is reported with advice', async () => {
  const { scope, adapter, lose } = adapterScope();
  const lost = watchDevices(scope);
  await adapter.requestDevice();
  lose('unknown');
  await Promise.resolve();
  expect(lost.reason).toMatchObject({ code: 'device-lost', details: { reason: 'gone' } });
});

test('a deliberately destroyed device is not', async () => {
  const { scope, adapter, lose } = adapterScope();
  const lost = watchDevices(scope);
  await adapter.requestDevice();
  lose('destroyed');
  await Promise.resolve();
  expect(lost.aborted).toBe(false);
});

test('a browser without WebGPU is not an error', () => {
  expect(watchDevices({}).aborted).toBe(false);
});
