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

/** Peers that start and crash on one clock and one seed: the same seed gives the same history. */
export interface Cluster {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly network: MemoryNetwork;
  readonly relay: Peer;
  readonly askers: readonly Peer[];
  /** The worker in each slot; the slot of a killed one is empty until a worker is started there again. */
  readonly slots: (RunningWorker | undefined)[];
  /** Starts a worker in this slot, with the same key as any before it. */
  startWorker(slot: number): Promise<void>;
  /** Starts one more asker, and gives it a second to look around. */
  startAsker(): Promise<Peer>;
  kill(slot: number): void;
  freeze(slot: number): void;
  thaw(slot: number): void;
  /** The workers that have been reachable and serving for at least `ms`, each by its run. */
  able(ms: number): readonly string[];
  /** How often each engine was asked for each prompt, by the worker's run and the prompt. */
  readonly runs: ReadonlyMap<string, number>;
  /** Invariants found broken; empty when all is well. */
  readonly violations: string[];
  checkInvariants(): void;
  /** Moves time forward by `ms`, checking the invariants every 5 ms. */
  advance(ms: number): Promise<void>;
}

export interface RunningWorker {
  readonly peer: Peer;
  readonly model: LoadedModel;
  /** Names this run of the worker: its slot and a number. */
  readonly run: string;
}

const relaySeed = 200;
const engineSlots = 2;

/** The length of every engine's answer. */
export const answerTokens = 30;

export async function createCluster(
  seed: number,
  size: { readonly workers: number; readonly askers: number },
): Promise<Cluster> {
  const clock = manualClock();
  const random = seededRandom(seed);
  const network = createMemoryNetwork({ clock, random });
  const runs = new Map<string, number>();
  const violations: string[] = [];
  const frozen = new Set<RunningWorker>();
  const ableFromMs = new Map<RunningWorker, number>();
  const slots: (RunningWorker | undefined)[] = Array.from({ length: size.workers });
  let started = 0;

  const startPeer = async (number: number, discovery: 'client' | 'server') => {
    const key = new Uint8Array(32).fill(number);
    const peer = await createPeer({
      net: network.createNet({ seed: key, addr: `/ip4/10.0.${number}.1/tcp/1` }),
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
  const counted = (model: LoadedModel, run: string): LoadedModel => ({
    ...model,
    doStream(request, options) {
      const prompt = request.kind === 'completion' ? request.input.prompt : 'chat';
      runs.set(`${run} ${prompt}`, (runs.get(`${run} ${prompt}`) ?? 0) + 1);
      return model.doStream(request, options);
    },
  });

  const relay = await startPeer(relaySeed, 'server');
  const askers: Peer[] = [];
  for (let i = 0; i < size.askers; i++) askers.push(await startPeer(100 + i, 'client'));

  const cluster: Cluster = {
    clock,
    random,
    network,
    relay,
    askers,
    slots,
    runs,
    violations,
    async startWorker(slot) {
      const peer = await startPeer(1 + slot, 'client');
      const run = `${slot}/${++started}`;
      const engine = createScriptedEngine({ clock, slots: engineSlots, answerTokens, tokensPerSecond: 200 });
      const model = counted(await engine.load(scriptedModel(200), {}), run);
      peer.provider.offerModel(model);
      slots[slot] = { peer, model, run };
    },
    async startAsker() {
      const asker = await startPeer(100 + askers.length, 'client');
      askers.push(asker);
      await cluster.advance(1_000);
      return asker;
    },
    kill(slot) {
      const worker = slots[slot];
      if (worker) network.kill(worker.peer.self);
      slots[slot] = undefined;
    },
    freeze(slot) {
      const worker = slots[slot];
      if (!worker) return;
      frozen.add(worker);
      network.freeze(worker.peer.self);
    },
    thaw(slot) {
      const worker = slots[slot];
      if (!worker) return;
      frozen.delete(worker);
      network.thaw(worker.peer.self);
    },
    able: (ms) =>
      slots.flatMap((worker) => {
        const fromMs = worker && ableFromMs.get(worker);
        return fromMs !== undefined && clock.elapsed() - fromMs >= ms ? [worker!.run] : [];
      }),
    checkInvariants() {
      for (const worker of slots) {
        if (!worker) continue;
        const { running, queued, phase } = worker.peer.provider.state;
        if (frozen.has(worker) || phase !== 'serving') ableFromMs.delete(worker);
        else if (!ableFromMs.has(worker)) ableFromMs.set(worker, clock.elapsed());
        if (running > engineSlots) violations.push(`${worker.run} runs ${running}`);
        if (queued > limits.workerQueueMax) violations.push(`${worker.run} queues ${queued}`);
        if (queued > 0 && running < engineSlots && phase === 'serving') {
          violations.push(`${worker.run} lets ${queued} wait with ${running} running`);
        }
      }
    },
    async advance(ms) {
      for (let passed = 0; passed < ms; passed += 5) {
        await clock.advance(5);
        cluster.checkInvariants();
      }
    },
  };
  return cluster;
}
