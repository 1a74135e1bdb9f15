import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { asRelay, closedPort, found, relayPeer, serverThat } from './doctor.fixture.ts';
import { checkPort } from './port.ts';

const at = (port: number, host = '127.0.0.1') => checkPort({ host, port, fetch });

test('a free port, and any', async () => {
  expect(await found(at(await closedPort()).check)).toMatchObject({
    state: 'ok',
    what: expect.stringContaining('is free'),
  });
  expect(await found(at(0).check)).toMatchObject({ state: 'ok' });
});

test('a relay of ours holds it', async () => {
  await using relay = await serverThat(asRelay());
  const port = at(relay.port);
  expect(await found(port.check)).toMatchObject({ state: 'ok', what: expect.stringContaining('3 peers, 2 offers') });
  expect(await port.serving(new AbortController().signal)).toEqual({ peer: relayPeer });
});

test('something else holds it', async () => {
  await using other = await serverThat((_request, response) => response.end('hello'));
  expect(await found(at(other.port).check)).toMatchObject({ state: 'fail', do: expect.stringContaining('--port') });
  const mute = createServer((socket) => socket.on('error', () => undefined).end('SSH-2.0\r\n'));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  expect(await found(at((mute.address() as AddressInfo).port).check)).toMatchObject({ state: 'fail' });
  mute.close();
});

test('an address that this machine does not have', async () => {
  expect(await found(at(0, '192.0.2.1').check)).toMatchObject({
    state: 'fail',
    what: expect.stringContaining('EADDRNOTAVAIL'),
    do: expect.stringContaining('--host'),
  });
});
