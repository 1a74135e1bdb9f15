import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { asRelay, closedPort, found, serverThat } from './doctor.fixture.ts';
import { checkRelay } from './relays.ts';

const at = (url: URL, now = Date.now) => found(checkRelay({ url, fetch, now }));

/** What the key of a WebSocket is answered with (RFC 6455). */
const acceptOf = (key: string) =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

async function relayWithWebSocket(change: object = {}) {
  const relay = await serverThat(asRelay(change));
  relay.server.on('upgrade', ({ headers }, socket) => {
    const accept = acceptOf(headers['sec-websocket-key']!);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('error', () => undefined).on('data', () => socket.end());
  });
  return relay;
}

test('one that answers over http and WebSocket', async () => {
  await using relay = await relayWithWebSocket();
  expect(await at(relay.url)).toMatchObject({ state: 'ok' });
});

test.each([
  [60_000, 'fail', /(59|60) s ahead of .*refused/],
  [-60_000, 'fail', /(59|60) s behind .*refused/],
  [8_000, 'warn', /ahead/],
  [1_500, 'ok', /./],
])('a clock that is %i ms off: %s', async (offMs, state, what) => {
  await using relay = await relayWithWebSocket();
  expect(await at(relay.url, () => Date.now() + offMs)).toMatchObject({ state, what: expect.stringMatching(what) });
});

test('a proxy that lets no WebSocket through', async () => {
  await using relay = await serverThat(asRelay());
  expect(await at(relay.url)).toMatchObject({ state: 'fail', do: expect.stringContaining('upgrades') });
});

test('nobody, no relay, and one of another version', async () => {
  const gone = new URL(`http://127.0.0.1:${await closedPort()}`);
  expect(await at(gone)).toMatchObject({ state: 'fail', what: expect.stringContaining('ECONNREFUSED') });
  await using page = await serverThat((_request, response) => response.end('<html>'));
  expect(await at(page.url)).toMatchObject({ state: 'fail', what: expect.stringContaining('no relay') });
  await using newer = await relayWithWebSocket({ protocol: 3 });
  expect(await at(newer.url)).toMatchObject({ state: 'fail', do: 'Update this program.' });
});
