import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { createMemoryNetwork } from '#lib/net/memory.fixture.ts';
import { createPeer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { jobFixture } from '#lib/protocol/protocol.fixture.ts';
import { servingNetwork } from '#lib/state/network.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { countersign, openReceipt } from '#lib/trust/receipt.ts';
import { createLive } from '#lib/base/live.ts';
import { createNetworkWatcher } from './network-view.ts';

test('D12: a model that is loaded and not shared is served by nobody; shared, by one', async () => {
  const clock = manualClock();
  const random = seededRandom(1);
  const seed = new Uint8Array(32).fill(1);
  const peer = await createPeer({
    net: createMemoryNetwork({ clock, random }).createNet({ seed }),
    signer: createSigner(seed),
    storage: createMemoryStorage(),
    clock,
    random,
    logger: silentLogger,
    role: 'tab',
    discovery: 'client',
  });
  await peer.start();
  const network = createNetworkWatcher({ clock, now: clock.now, offset: createLive(undefined) });
  const session = { kind: 'own', peer } as const;
  network.watch(session, session);
  const model = await createScriptedEngine({ clock }).load(scriptedModel(100), {});
  const served = () => [
    network.view.current.offers.map(({ audience }) => audience),
    servingNetwork(network.view.current.offers).length,
    network.view.current.capacity.filter(({ workers }) => workers > 0).length,
  ];
  peer.provider.offerModel(model, { audience: 'self' });
  await clock.advance(1_000);
  expect(served()).toEqual([['self'], 0, 0]);
  peer.provider.offerModel(model, { audience: 'network' });
  await clock.advance(1_000);
  expect(served()).toEqual([['network'], 1, 1]);
  peer.provider.offerModel(model, { audience: 'self' });
  await clock.advance(1_000);
  expect(served()).toEqual([['self'], 0, 0]);
  await peer.stop();
});

test('what this device did for others, and who signed two histories, is shown as soon as it is known', async () => {
  const clock = manualClock();
  const random = seededRandom(1);
  const network = createMemoryNetwork({ clock, random });
  const join = async (fill: number) => {
    const seed = new Uint8Array(32).fill(fill);
    const storage = createMemoryStorage();
    const base = { signer: createSigner(seed), storage, clock, random, logger: silentLogger, role: 'tab' } as const;
    const peer = await createPeer({ ...base, net: network.createNet({ seed }), discovery: 'client' });
    await peer.start();
    return peer;
  };
  const [peer, asker] = [await join(1), await join(2)];
  const watcher = createNetworkWatcher({ clock, now: clock.now, offset: createLive(undefined) });
  watcher.watch({ kind: 'own', peer }, { kind: 'own', peer });
  expect(watcher.view.current).toMatchObject({ forks: [], served: { tokens: 0, askers: 0 } });
  const job = jobOf(asker.self);
  for (const [n, prevAsker] of ['0'.repeat(64), 'ab'.repeat(32), 'ab'.repeat(32)].entries()) {
    const receipt = await peer.receipts.issue(job(n));
    peer.receipts.acknowledge(
      receipt,
      countersign(openReceipt(receipt), prevAsker, createSigner(new Uint8Array(32).fill(2))),
    );
  }
  await clock.advance(10);
  expect(watcher.view.current).toMatchObject({
    forks: [{ peer: asker.self, side: 'asker' }],
    served: { tokens: 30, askers: 1 },
  });
  for (const one of [peer, asker]) await one.stop();
});

const jobOf = (asker: string) => (n: number) => ({
  job: { ...jobFixture, id: String(n).padStart(32, '0') },
  asker,
  engine: { name: 'scripted', build: '', deviceClass: '' },
  output: { outputRoot: '0'.repeat(64), outputForm: 'text-parts' as const, tokens: 10 },
  reason: 'stop' as const,
  tokensIn: 1,
  timings: { queuedMs: 0, ttftMs: 0, decodeMs: 0 },
  price: { in: '0', out: '0' },
});
