import { manualClock, type ManualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom, type Random } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { createMemoryNetwork, type MemoryNetwork } from '#lib/net/memory.fixture.ts';
import { createPeer, type Peer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';

/** Peers that come and go on one clock and one seed: the same seed gives the same history. */
export interface Town {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly network: MemoryNetwork;
  readonly askers: readonly Peer[];
  /** Who lives where now; a killed worker's house is empty until somebody moves in again. */
  readonly houses: (House | undefined)[];
  /** A worker in this house, with the same key as whoever lived there before. */
  moveIn(house: number): Promise<void>;
  kill(house: number): void;
  /** What the engines were asked to do, by worker's life and prompt. */
  readonly runs: ReadonlyMap<string, number>;
  /** What no state may ever show; empty when all is well. */
  readonly breaches: string[];
  look(): void;
  pass(ms: number): Promise<void>;
}

export interface House {
  readonly peer: Peer;
  readonly model: LoadedModel;
  readonly life: string;
}

const relaySeed = 200;
const slots = 2;

/** The answer every engine of the town gives to a prompt. */
export const answerTokens = 30;

export async function createTown(
  seed: number,
  size: { readonly workers: number; readonly askers: number },
): Promise<Town> {
  const clock = manualClock();
  const random = seededRandom(seed);
  const network = createMemoryNetwork({ clock, random });
  const runs = new Map<string, number>();
  const breaches: string[] = [];
  const houses: (House | undefined)[] = Array.from({ length: size.workers });
  let lives = 0;

  const settle = async (number: number, discovery: 'client' | 'server') => {
    const key = new Uint8Array(32).fill(number);
    const peer = await createPeer({
      net: network.createNet({ seed: key }),
      signer: createSigner(key),
      storage: createMemoryStorage(),
      clock,
      random,
      logger: silentLogger,
      role: 'tab',
      discovery,
      relays: () => [createSigner(new Uint8Array(32).fill(relaySeed)).peer],
    });
    await peer.start();
    return peer;
  };

  /** Counts what is asked of an engine. */
  const counted = (model: LoadedModel, life: string): LoadedModel => ({
    ...model,
    doStream(request, options) {
      const prompt = request.kind === 'completion' ? request.input.prompt : 'chat';
      runs.set(`${life} ${prompt}`, (runs.get(`${life} ${prompt}`) ?? 0) + 1);
      return model.doStream(request, options);
    },
  });

  await settle(relaySeed, 'server');
  const askers: Peer[] = [];
  for (let i = 0; i < size.askers; i++) askers.push(await settle(100 + i, 'client'));

  const town: Town = {
    clock,
    random,
    network,
    askers,
    houses,
    runs,
    breaches,
    async moveIn(house) {
      const peer = await settle(1 + house, 'client');
      const life = `${house}/${++lives}`;
      const engine = createScriptedEngine({ clock, slots, answerTokens, tokensPerSecond: 200 });
      const model = counted(await engine.load(scriptedModel(200), {}), life);
      peer.provider.offerModel(model);
      houses[house] = { peer, model, life };
    },
    kill(house) {
      const living = houses[house];
      if (living) network.kill(living.peer.self);
      houses[house] = undefined;
    },
    look() {
      for (const house of houses) {
        if (!house) continue;
        const { running, queued } = house.peer.provider.state;
        if (running > slots) breaches.push(`${house.life} runs ${running}`);
        if (queued > limits.workerQueueMax) breaches.push(`${house.life} queues ${queued}`);
        if (queued > 0 && running < slots && house.peer.provider.state.phase === 'serving') {
          breaches.push(`${house.life} lets ${queued} wait with ${running} running`);
        }
      }
    },
    async pass(ms) {
      for (let passed = 0; passed < ms; passed += 5) {
        await clock.advance(5);
        town.look();
      }
    },
  };
  return town;
}
