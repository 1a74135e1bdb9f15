import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { createMemoryNetwork } from '#lib/net/memory.ts';
import { createPeer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { servingNetwork } from '#lib/state/network.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createLive } from './live.ts';
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
