import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asRelay, closedPort, found, relayPeer, serverThat } from './doctor.fixture.ts';
import { checkExposure, checkPages, checkPublicUrl, type ExposureInput } from './exposure.ts';

const exposure = (change: Partial<ExposureInput>) =>
  found(
    checkExposure({
      host: '127.0.0.1',
      publicUrl: undefined,
      trustedProxies: [],
      apiKeys: 'optional',
      metricsToken: undefined,
      ...change,
    }),
  );
const publicUrl = new URL('https://relay.example');

test('who reaches the port', async () => {
  expect(await exposure({})).toMatchObject({ state: 'ok', what: 'Only this machine reaches the relay.' });
  expect(await exposure({ host: '0.0.0.0' })).toMatchObject({
    state: 'ok',
    what: expect.stringContaining('without a key'),
  });
  expect(await exposure({ publicUrl })).toMatchObject({
    state: 'warn',
    do: expect.stringContaining('TRUSTED_PROXIES'),
  });
  const behind = { publicUrl, trustedProxies: ['127.0.0.1'], apiKeys: 'required' } as const;
  expect(await exposure(behind)).toMatchObject({ state: 'ok', what: expect.stringContaining('with a key') });
});

test('a token is not told', async () => {
  const { what } = await exposure({ host: '0.0.0.0', metricsToken: 'word-that-is-secret' });
  expect(what).not.toContain('word-that-is-secret');
});

const leads = (url: URL | undefined, peer: string | undefined = relayPeer) =>
  found(checkPublicUrl({ url, fetch, serving: async () => (peer === undefined ? undefined : { peer }) }));

test('where the public address leads', async () => {
  expect(await leads(undefined)).toMatchObject({ state: 'skipped' });
  await using relay = await serverThat(asRelay());
  expect(await leads(relay.url)).toMatchObject({ state: 'ok' });
  expect(await leads(relay.url, 'another')).toMatchObject({
    state: 'fail',
    what: expect.stringContaining('another relay'),
  });
  expect(await found(checkPublicUrl({ url: relay.url, fetch, serving: async () => undefined }))).toMatchObject({
    state: 'skipped',
  });
  await using proxy = await serverThat((_request, response) => response.writeHead(421).end('{}'));
  expect(await leads(proxy.url)).toMatchObject({ state: 'fail', do: expect.stringContaining('Host') });
  const gone = new URL(`http://127.0.0.1:${await closedPort()}`);
  expect(await leads(gone)).toMatchObject({ state: 'fail', what: expect.stringContaining('ECONNREFUSED') });
});

test('a proxy that passes visitors off as this machine', async () => {
  await using relay = await serverThat((request, response) => {
    if (request.url === '/metrics') response.end();
    else asRelay()(request, response);
  });
  expect(await leads(relay.url)).toMatchObject({ state: 'fail', what: expect.stringContaining('/metrics is open') });
});

test('pages', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tabloom-doctor-'));
  expect(await found(checkPages(folder))).toMatchObject({ state: 'warn' });
  await writeFile(join(folder, 'index.html'), '');
  expect(await found(checkPages(folder))).toMatchObject({ state: 'ok' });
  await rm(folder, { recursive: true });
});
