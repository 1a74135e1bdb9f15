import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { found } from './doctor.fixture.ts';
import { checkGpu, checkNode, checkOpenFiles, checkReach } from './machine.ts';

test.each([
  ['22.17.9', 'fail'],
  ['20.99.0', 'fail'],
  ['22.18.0', 'ok'],
  ['24.0.0', 'ok'],
])('Node %s: %s', async (version, state) => expect((await found(checkNode(version))).state).toBe(state));

test.each([
  ['Max open files            1024                 4096                 files', 'warn'],
  ['Max open files            20000                20000                files', 'ok'],
  ['Max open files            unlimited            unlimited            files', 'ok'],
  ['', 'skipped'],
])('%s: %s', async (limits, state) => {
  expect(await found(checkOpenFiles(16_384, async () => limits))).toMatchObject({ state });
});

test('a machine without a GPU program makes no claim', async () => {
  const missing = () => Promise.reject(new Error('ENOENT'));
  expect(await found(checkGpu(missing))).toMatchObject({ state: 'skipped' });
  const card = async (_program: string, args: readonly string[]) =>
    args[0] === '--version' ? '' : 'NVIDIA H200, 143771, 570.86.15\n';
  expect(await found(checkGpu(card))).toMatchObject({ state: 'ok', what: expect.stringContaining('NVIDIA H200') });
});

test('a port for direct connections that is taken, and one behind a router', async () => {
  const holder = createSocket('udp4');
  await new Promise<void>((resolve) => holder.bind(0, () => resolve()));
  const { port } = holder.address() as AddressInfo;
  expect(await found(checkReach(port))).toMatchObject({ state: 'fail', what: expect.stringContaining('EADDRINUSE') });
  await new Promise<void>((resolve) => holder.close(() => resolve()));
  const inside = () => ['127.0.0.1', '192.168.1.7', 'fe80::1', '100.64.3.2'];
  expect(await found(checkReach(port, inside))).toMatchObject({ state: 'warn', do: expect.stringContaining('router') });
  expect(await found(checkReach(port, () => [...inside(), '8.8.8.8']))).toMatchObject({ state: 'ok' });
  expect(await found(checkReach(undefined, inside))).toMatchObject({ state: 'ok' });
});
