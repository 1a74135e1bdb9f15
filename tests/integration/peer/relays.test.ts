import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { createCorrectedClock } from '#lib/boot/clock-offset.ts';
import { relayTuning } from '#lib/net/libp2p/tuning.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { RelayTime } from '#lib/peer/presence/discovery-client.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { chat, eventually, forgets, knows, model, run, startPeer, startRelay, type Relay } from './ground.ts';

/** Three relays that know each other, on ports that stay theirs; each can be stopped and started again. */
const names = ['a', 'b', 'c'] as const;
type Name = (typeof names)[number];
const numbers: Readonly<Record<Name, number>> = { a: 121, b: 122, c: 123 };
const tuning = { reconnectMinMs: 50, reconnectMaxMs: 400 };

const running = new Map<Name, Relay>();
const peers: Peer[] = [];
const ports = new Map<Name, number>();

const idOf = (name: Name) => createSigner(new Uint8Array(32).fill(numbers[name])).peer;
const addressOf = (name: Name) => `/ip4/127.0.0.1/tcp/${ports.get(name)}/ws/p2p/${idOf(name)}`;
const others = (name: Name) => names.filter((one) => one !== name && ports.has(one)).map(addressOf);

async function start(name: Name, meshed: 'meshed' | 'alone' = 'meshed'): Promise<Relay> {
  const relay = await startRelay(numbers[name], {
    port: ports.get(name) ?? 0,
    tuning,
    ...(meshed === 'meshed' ? { relays: () => others(name) } : {}),
  });
  ports.set(name, Number(/tcp\/(\d+)/.exec(relay.address())![1]));
  running.set(name, relay);
  return relay;
}
async function stop(name: Name): Promise<void> {
  const relay = running.get(name);
  running.delete(name);
  await relay?.peer.stop();
}
async function peerAt(number: number, ...relays: readonly Name[]): Promise<Peer> {
  const peer = await startPeer(number, () => relays.map(addressOf), { tuning });
  peers.push(peer);
  return peer;
}

afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.stop()));
  await Promise.all(names.map(stop));
  ports.clear();
});

const heldBy = (peer: Peer) =>
  names.filter((name) =>
    peer.net.status().relays.some(({ peer: id, state }) => id === idOf(name) && state === 'reserved'),
  );
const holds = (peer: Peer, ...wanted: readonly Name[]) =>
  eventually(() => wanted.every((name) => heldBy(peer).includes(name)));
const listedAt = (peer: Peer, ...wanted: readonly Name[]) =>
  eventually(() => wanted.every((name) => peer.listing!.relays.includes(idOf(name))));

test('of three relays that know nothing of each other any two may die, one after the other', async () => {
  for (const name of names) await start(name, 'alone');
  const worker = await peerAt(124, 'a', 'b');
  const asker = await peerAt(125, 'b', 'c');
  worker.provider.offerModel(await model({ answerTokens: 20 }));
  await Promise.all([holds(worker, 'a', 'b'), holds(asker, 'b', 'c'), knows(asker, worker.self)]);

  await stop('c');
  expect(await run(asker.consumer, chat('one is gone'))).toMatchObject({ phase: 'finished', tokens: 20 });
  await start('c', 'alone');
  await holds(asker, 'b', 'c');

  await stop('b');
  await start('b', 'alone');
  await Promise.all([listedAt(worker, 'a', 'b'), knows(asker, worker.self)]);
  expect(await run(asker.consumer, chat('another came back'))).toMatchObject({ phase: 'finished', tokens: 20 });
});

test('a peer holds two of the relays it knows, and a third takes the place of one that dies', async () => {
  for (const name of names) await start(name, 'alone');
  const worker = await peerAt(126, 'a', 'b', 'c');
  await holds(worker, 'a', 'b');
  expect(worker.net.status().relays).toHaveLength(2);
  await stop('a');
  await holds(worker, 'b', 'c');
  await start('a', 'alone');
  await eventually(() => worker.net.status().relays.length === 2);
  expect(heldBy(worker)).toEqual(['b', 'c']);
});

test('what one relay hears of the others hear too, and a peer is reached through the relay it is at', async () => {
  for (const name of names) await start(name);
  const worker = await peerAt(127, 'a');
  const asker = await peerAt(128, 'c');
  await holds(worker, 'a');
  worker.provider.offerModel(await model({ answerTokens: 20 }));
  await Promise.all([knows(running.get('c')!.peer, worker.self), knows(asker, worker.self)]);
  expect(await run(asker.consumer, chat('from another relay'))).toMatchObject({ phase: 'finished', tokens: 20 });
  // A relay dials nobody but relays: its gateway reaches the worker through the one that has it.
  const { peer: gateway } = running.get('c')!;
  expect(await run(gateway.consumer, chat('from the gateway'))).toMatchObject({
    phase: 'finished',
    path: 'relayed',
    worker: { peer: worker.self },
  });
});

test('an answer in progress over WebRTC outlives every relay', async () => {
  for (const name of names) await start(name);
  const worker = await peerAt(129, 'a', 'b');
  const asker = await peerAt(130, 'b', 'c');
  worker.provider.offerModel(await model({ answerTokens: 400 }, 50));
  await knows(asker, worker.self);
  const direct = () =>
    asker.net.status().connections.some(({ peer, path }) => peer === worker.self && path === 'direct');
  await eventually(
    () => (void asker.net.prepare(worker.self, '/tabloom/job/2', { addrs: worker.net.addresses() }), direct()),
  );

  let stopping: Promise<unknown> | undefined;
  const state = await run(asker.consumer, chat('keep going'), {
    onEvent: (_event, { tokens }) => {
      if (tokens >= 20)
        stopping ??= Promise.all(names.map(stop)).then(() => Promise.all(names.map((name) => start(name))));
    },
  });
  expect(state).toMatchObject({ phase: 'finished', path: 'direct', tokens: 400 });
  expect(state.attempts).toHaveLength(1);
  await stopping;
  await listedAt(worker, 'a', 'b');
  await knows(running.get('c')!.peer, worker.self);
});

test('a tab’s clock follows the median of its relays, and not the one that is an hour ahead', async () => {
  const aheadMs: Readonly<Record<Name, number>> = { a: 100_000, b: 100_000, c: 3_700_000 };
  for (const name of names) {
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs[name] };
    running.set(name, await startRelay(numbers[name], { clock }));
  }
  const corrected = createCorrectedClock({
    clock: systemClock,
    fetch: () => Promise.reject(new TypeError('offline')),
    origin: 'http://relay.test',
  });
  const heard = new Set<string>();
  const onRelayTime = (sample: RelayTime) => {
    heard.add(sample.relay);
    corrected.note(sample);
  };
  // A peer holds two relays: this device has two sessions, one for itself and one to ask with.
  for (const [at, relays] of [['a', 'c'] as const, ['b'] as const].entries()) {
    peers.push(await startPeer(133 + at, () => relays.map((name) => running.get(name)!.address()), { onRelayTime }));
  }
  await eventually(() => heard.size === names.length);
  expect(corrected.view.current).toMatchObject({ corrected: true });
  expect(Math.abs(corrected.now() - systemClock.now() - 100_000)).toBeLessThan(3_000);
});

test('a worker that is frozen at one relay leaves the directories of all of them, and of their askers', async () => {
  // What a relay drops after 20 s at most, and reports at once, is gone everywhere well within 30 s; here it is 1 s.
  expect(relayTuning.silenceTickMs * (relayTuning.silentTicksMax + 1)).toBeLessThanOrEqual(20_000);
  const silence = { silenceTickMs: 200 };
  const first = await startRelay(numbers.a, { tuning: silence });
  const second = await startRelay(numbers.b, { tuning: silence, relays: () => [first.address()] });
  running.set('a', first).set('b', second);
  const asker = await startPeer(135, second.address, { tuning: silence });
  peers.push(asker);
  const program = fileURLToPath(new URL('worker.process.ts', import.meta.url));
  const child = fork(program, ['136', first.address(), '200'], { execArgv: [] });
  try {
    const { peer: worker } = await new Promise<{ readonly peer: string }>((resolve) =>
      child.once('message', (message) => resolve(message as { peer: string })),
    );
    const everywhere = [first.peer, second.peer, asker];
    await Promise.all(everywhere.map((peer) => knows(peer, worker)));
    // The system still acknowledges its data, and its offer stays valid for at least twice as long as is waited here.
    child.kill('SIGSTOP');
    await Promise.all(everywhere.map((peer) => forgets(peer, worker)));
  } finally {
    child.kill('SIGKILL');
  }
});

test('a worker that dies at one relay leaves the directories of all of them, and of their askers', async () => {
  for (const name of names) await start(name);
  const asker = await peerAt(131, 'c');
  const program = fileURLToPath(new URL('worker.process.ts', import.meta.url));
  const child = fork(program, ['132', addressOf('a'), '200'], { execArgv: [] });
  try {
    const { peer: worker } = await new Promise<{ readonly peer: string }>((resolve) =>
      child.once('message', (message) => resolve(message as { peer: string })),
    );
    const everywhere = () => [...names.map((name) => running.get(name)!.peer), asker];
    await Promise.all(everywhere().map((peer) => knows(peer, worker)));
    // Its offer stays valid for at least twice as long as is waited here.
    child.kill('SIGKILL');
    await Promise.all(everywhere().map((peer) => forgets(peer, worker)));
  } finally {
    child.kill('SIGKILL');
  }
});
