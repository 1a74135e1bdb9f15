import { expect, test } from 'vitest';
import { watchDevices } from './watch-devices.ts';

/** An adapter class whose devices are lost when told. */
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

test('a device that gives up is told, with what to do', async () => {
  const { scope, adapter, lose } = adapterScope();
  const lost = watchDevices(scope);
  await adapter.requestDevice();
  lose('unknown');
  await Promise.resolve();
  expect(lost.reason).toMatchObject({ code: 'device-lost', details: { reason: 'gone' } });
});

test('a device destroyed on purpose is not', async () => {
  const { scope, adapter, lose } = adapterScope();
  const lost = watchDevices(scope);
  await adapter.requestDevice();
  lose('destroyed');
  await Promise.resolve();
  expect(lost.aborted).toBe(false);
});

test('a browser without WebGPU has nothing to watch', () => {
  expect(watchDevices({}).aborted).toBe(false);
});
