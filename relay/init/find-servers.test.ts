import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { systemClock } from '#lib/base/clock.ts';
import { asRelay, closedPort, serverThat } from '../doctor/doctor.fixture.ts';
import { findServers, lookAt } from './find-servers.ts';

const models = (...names: readonly string[]) => JSON.stringify({ data: names.map((id) => ({ id })) });

test('what answers with models is found; relays, other programs and closed ports are not', async () => {
  await using server = await serverThat((request, response) => {
    if (request.url === '/v1/models') response.end(models('a', 'b,c', 'd*', 'e f'));
    else response.writeHead(404).end();
  });
  await using relay = await serverThat((request, response) => {
    if (request.url === '/v1/models') response.end(models('of-the-network'));
    else asRelay()(request, response);
  });
  await using page = await serverThat((_request, response) => response.end('<html>'));
  await using locked = await serverThat((_request, response) => response.writeHead(401).end());
  const ports = {
    [server.port]: 'Ollama',
    [relay.port]: 'a',
    [page.port]: 'b',
    [locked.port]: 'c',
    [await closedPort()]: 'd',
  };
  // Names that cannot stand in a list separated by commas, or would stand for others, are left out.
  expect(await findServers({ fetch, clock: systemClock }, ports)).toEqual([
    { baseUrl: `http://127.0.0.1:${server.port}/v1/`, label: 'Ollama', models: ['a', 'e f'] },
  ]);
});

test('one that hangs holds up nothing', async () => {
  const clock = manualClock();
  const heard = Promise.withResolvers<void>();
  await using mute = await serverThat(() => heard.resolve());
  const found = findServers({ fetch, clock }, { [mute.port]: 'vLLM' });
  await heard.promise;
  await clock.advance(1_500);
  expect(await found).toEqual([]);
});

test('a key goes to the server that it is for', async () => {
  await using server = await serverThat((request, response) => {
    const isRight = request.headers.authorization === 'Bearer k';
    response.writeHead(isRight ? 200 : 401).end(isRight ? models('a') : '');
  });
  const at = (apiKey?: string) => lookAt(`${server.url.href}v1/`, 'x', { fetch, clock: systemClock, apiKey });
  expect((await at('k')).models).toEqual(['a']);
  await expect(at()).rejects.toMatchObject({ code: 'engine-failed' });
});
