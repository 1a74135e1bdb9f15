import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { createMemoryNetwork } from '#lib/net/memory.fixture.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createPeer, type Peer, type PeerComponents } from './peer.ts';
import { demo, pass } from './peer.fixture.ts';

export const seedOf = (number: number): Uint8Array => new Uint8Array(32).fill(number);
export const signerOf = (number: number): Signer => createSigner(seedOf(number));

/** One clock, one source of randomness and one network, as all tests of small networks in memory begin. */
export function createGround(seed = 1) {
  const clock = manualClock();
  const random = seededRandom(seed);
  const network = createMemoryNetwork({ clock, random });
  const net = async (number: number) => {
    const made = network.createNet({ seed: seedOf(number) });
    await made.start();
    return made;
  };
  return { clock, random, network, net };
}

/** Whole peers that follow the town's relays, each known by the number its key is made from. */
export function createTown() {
  const { clock, random, network, net } = createGround(7);
  const relays: string[] = [];
  const join = async (number: number, change: Partial<PeerComponents> = {}): Promise<Peer> => {
    const peer = await createPeer({
      net: network.createNet({ seed: seedOf(number) }),
      signer: signerOf(number),
      storage: createMemoryStorage(),
      clock,
      random,
      logger: silentLogger,
      role: 'tab',
      discovery: 'client',
      relays: () => relays,
      ...change,
    });
    await peer.start();
    return peer;
  };
  const model = (answerTokens = 20) => createScriptedEngine({ clock, answerTokens }).load(demo, {});
  return {
    clock,
    network,
    net,
    join,
    model,
    async relay(number: number, change: Partial<PeerComponents> = {}): Promise<Peer> {
      const peer = await join(number, { discovery: 'server', role: 'native', relays: () => [], ...change });
      relays.push(peer.self);
      return peer;
    },
    /** Offers the scripted model, and lets the others learn of it. */
    async serve(peer: Peer) {
      peer.provider.offerModel(await model(50));
      await pass(clock, 2_000);
    },
  };
}
