import { systemClock } from '#lib/base/clock.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createMemoryNetwork } from '#lib/net/memory.fixture.ts';
import { netCompliance } from '../../compliance/net.ts';

netCompliance('memory', async () => {
  const network = createMemoryNetwork({ clock: systemClock, random: seededRandom(1) });
  // Or nothing could be given up in the middle.
  network.setConditions({ latencyMs: 2 });
  const a = network.createNet({ seed: new Uint8Array(32).fill(1) });
  const b = network.createNet({ seed: new Uint8Array(32).fill(2) });
  await a.start();
  await b.start();
  return {
    a,
    b,
    path: 'direct',
    nobody: network.createNet({ seed: new Uint8Array(32).fill(3) }).self,
    crash: async () => network.kill(b.self),
    teardown: async () => {
      await a.stop();
      await b.stop();
    },
  };
});
