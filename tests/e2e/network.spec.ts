import { answers, modelsListed, send, sideBar, startSharing, untilIdle, visit, whoAnswers } from './fixtures/people.ts';
import { startRelay } from '../fixtures/relay-process.ts';
import { expect, test } from './fixtures/test.ts';

/** What the network between two tabs does to them. */

test('where no direct way is found the answer comes through the relay, and the page says so', async ({
  bareRelay,
  newProfile,
  keep,
}) => {
  const a = await newProfile();
  await startSharing(a, bareRelay.url);
  const b = await newProfile();
  // As behind a firewall that lets nothing but the web through: no candidate is ever found.
  await b.addInitScript(() => {
    const Real = globalThis.RTCPeerConnection;
    globalThis.RTCPeerConnection = class extends Real {
      constructor(configuration?: RTCConfiguration) {
        super({ ...configuration, iceTransportPolicy: 'relay' });
      }
    };
  });
  await b.goto(bareRelay.url);
  await expect(whoAnswers(b)).toContainText('browser tab');
  await send(b, 'hello');
  await untilIdle(b);
  const answer = answers(b).last();
  await expect(answer).toContainText('through a relay');
  await answer.getByRole('button', { name: 'Receipt' }).click();
  await expect(answer).toContainText('5 of 5 checks passed');
  await visit(b, 'Doctor');
  await expect(b.getByRole('main')).toContainText('No direct route was found');
  await expect(b.getByRole('region', { name: 'Report text' })).toContainText('relayed, circuit');
  await keep(b, 'doctor-relayed');
});

test('a relay that goes and comes back: who is connected goes on, and all come back by themselves', async ({
  newProfile,
}) => {
  const relay = await startRelay({ native: 'no-native' });
  try {
    const a = await newProfile();
    await startSharing(a, relay.url);
    const b = await newProfile();
    await b.goto(relay.url);
    await expect(whoAnswers(b)).toContainText('browser tab');
    await send(b, 'hello');
    await untilIdle(b);
    await expect(answers(b).last()).toContainText('direct connection');

    await relay.halt();
    for (const page of [a, b]) await expect(sideBar(page)).toContainText('Not connected');
    await send(b, 'What is Tabloom?');
    await untilIdle(b);
    await expect(answers(b).nth(1)).toContainText('direct connection');

    await relay.restart();
    await expect(sideBar(b)).toContainText('1 peer sharing');
    await expect(sideBar(a)).toContainText('Sharing this device');
    await expect.poll(() => modelsListed(relay.url)).toBe(1);
    const stranger = await newProfile();
    await stranger.goto(relay.url);
    await send(stranger, 'hello');
    await untilIdle(stranger);
    await expect(answers(stranger).last()).toContainText('browser tab');
  } finally {
    await relay.dispose();
  }
});

test('a tab whose machine goes offline leaves the directory and returns on its own', async ({
  bareRelay,
  newProfile,
}) => {
  const a = await newProfile();
  await startSharing(a, bareRelay.url);
  await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);
  await a.context().setOffline(true);
  // Its offer alone stays valid for 45 s.
  await expect.poll(() => modelsListed(bareRelay.url), { timeout: 30_000 }).toBe(0);
  await a.context().setOffline(false);
  await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);
  await expect(sideBar(a)).toContainText('Sharing this device');
  const b = await newProfile();
  await b.goto(bareRelay.url);
  await send(b, 'hello');
  await untilIdle(b);
  await expect(answers(b).last()).toContainText('browser tab');
});
