import { beforeAll, expect, test } from 'vitest';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { standingLimits } from '#lib/market/standing.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { addressLimits } from '#lib/peer/presence/address-shares.ts';
import { initialJob, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import { createSigner, encodeEnvelope, signEnvelope, type Signer } from '#lib/protocol/envelope.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { encodeFindRequest, findProtocol, offersTopic } from '#lib/protocol/find.ts';
import { limits } from '#lib/protocol/limits.ts';
import { build } from '#lib/protocol/version.ts';
import { byzantineEngine } from './attackers.ts';
import { createCluster, type Cluster } from './cluster.ts';
import { createRememberingEd25519 } from './simulator/ed25519.ts';

/**
 * Attacks on a relay and on what peers know of each other, by the names of the wire's rules that they break: workers that
 * cannot be reached (A10), floods of offers (A11), names that hide something (A12), floods of find streams (A13).
 */
const { artefact } = scriptedModel(200);

beforeAll(() => installEd25519(createRememberingEd25519()));

async function createTown(): Promise<Cluster> {
  const cluster = await createCluster(1, { workers: 2, askers: 2 });
  for (let slot = 0; slot < 2; slot++) await cluster.startWorker(slot);
  cluster.network.setConditions({ latencyMs: 5 });
  await cluster.advance(2_000);
  const seen = { tokens: 30, spanMs: 600 };
  for (const peer of honestOf(cluster)) {
    // More than it takes: what is counted fades from the first moment on.
    for (let i = 0; i < standingLimits.establishedAt + 5; i++) {
      cluster.askers[0]!.trackRecord.record(peer, artefact, { type: 'finished', seen });
    }
  }
  return cluster;
}

/** Jobs of the first asker, one after the other; how each ended. */
async function ask(cluster: Cluster, jobs: number): Promise<readonly JobState[]> {
  const states: JobState[] = [];
  for (let number = 0; number < jobs; number++) {
    let state = initialJob;
    const run = async () => {
      const request = {
        model: { artefact },
        kind: 'completion',
        input: { prompt: `question ${number}` },
        params: { maxTokens: 100, temperature: 0 },
        tier: 'open',
      } as const;
      for await (const event of cluster.askers[0]!.consumer.ask(request)) state = reduceJob(state, event);
      states.push(state);
    };
    void run();
    await cluster.advance(400);
  }
  return states;
}

const outcomes = (states: readonly JobState[]) => [...new Set(states.map(({ phase }) => phase))];
const tookMs = ({ startedAt, endedAt }: JobState) => endedAt! - startedAt!;
const workersOf = (states: readonly JobState[]) => [...new Set(states.map(({ worker }) => worker!.peer))].toSorted();
const honestOf = ({ slots }: Cluster) => slots.map((worker) => worker!.peer.self).toSorted();
const listed = (of: Cluster['relay']) => of.directory.entries().map(({ offer }) => offer.peer);

/** Hostile identities behind one address. */
async function crowd(cluster: Cluster, count: number) {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const key = new Uint8Array(32).fill(0xf0).fill(i, 0, 1);
      const net = cluster.network.createNet({ seed: key, addr: `/ip4/10.9.0.1/tcp/${i + 1}` });
      await net.start();
      return { net, signer: createSigner(key) };
    }),
  );
}

let seq = 0;
let models = 0;
const publish = (cluster: Cluster, net: Net, signer: Signer, names: readonly string[]) => {
  const offered = names.map((one, i) => ({
    artefact: i === 0 ? artefact : (++models).toString(16).padStart(64, 'a'),
    name: one,
    kinds: ['completion'],
    features: [],
    contextTokens: 4_096,
    quantisation: 'none',
    price: { in: '0', out: '0' },
    slots: 4,
    running: 0,
    queued: 0,
  }));
  const offer = {
    peer: signer.peer,
    seq: ++seq,
    issuedAt: Math.floor(cluster.clock.now()),
    ttlMs: limits.offerTtlMs,
    role: 'tab',
    draining: false,
    engine: byzantineEngine,
    models: offered,
    tiers: ['open'],
    policy: [],
    addrs: [],
    build,
  };
  return net.publish(offersTopic, encodeEnvelope(signEnvelope('offer', offer, signer)));
};

test('A10: a worker that no asker can reach costs no job, and is asked last', async () => {
  const cluster = await createTown();
  const [asker] = cluster.askers;
  const [one, other] = cluster.slots.map((worker) => worker!.peer.self);
  cluster.network.setConditions({ openFailure: 1 }, [asker!.self, one!]);
  const states = await ask(cluster, 12);
  expect([outcomes(states), workersOf(states)]).toEqual([['finished'], [other]]);
  const tries = states.flatMap(({ attempts }) => attempts.filter(({ worker }) => worker.peer === one));
  expect(tries.length).toBeGreaterThan(0);
  expect(tries.length).toBeLessThan(6);
  // Its relay lists it all the same: it may be a way between two that is broken.
  expect(listed(cluster.relay).toSorted()).toEqual(honestOf(cluster));
});

test('A11: a flood of offers from one address fills no directory of a relay and delays no job', async () => {
  const cluster = await createTown();
  const identities = await crowd(cluster, 10);
  const quiet = await ask(cluster, 5);
  const flood = async () => {
    for (let round = 0; round < 120; round++) {
      const { net, signer } = identities[round % identities.length]!;
      const names = Array.from({ length: limits.offerModelsMax }, (_, i) => `model ${round} ${i}`);
      await publish(cluster, net, signer, names);
      await cluster.clock.delay(62);
    }
  };
  void flood();
  const during = await ask(cluster, 15);
  expect([outcomes(during), workersOf(during)]).toEqual([['finished'], workersOf(quiet)]);
  expect(Math.max(...during.map(tookMs))).toBeLessThan(2 * Math.max(...quiet.map(tookMs)));
  const theirs = cluster.relay.directory.entries().filter(({ offer }) => offer.engine.name === byzantineEngine.name);
  expect(theirs.length).toBeGreaterThan(0);
  expect(theirs.flatMap(({ offer }) => offer.models).length).toBeLessThanOrEqual(addressLimits.modelsMax);
  expect(listed(cluster.relay)).toEqual(expect.arrayContaining(honestOf(cluster)));
  expect(listed(cluster.askers[0]!)).toEqual(expect.arrayContaining(honestOf(cluster)));
});

test('A12: names that hide something are listed nowhere, and one that looks like another is another', async () => {
  const cluster = await createTown();
  const [{ net, signer }] = (await crowd(cluster, 1)) as [Awaited<ReturnType<typeof crowd>>[number]];
  const bad = ['a\u202Eb', 'a\u200Bb', 'a\0', 'a\r\nb', '\u001B[2J', ' a', 'a\u0308', '', 'x'.repeat(129)];
  await publish(cluster, net, signer, [...bad, 'tаbloom-demo']);
  await cluster.advance(100);
  for (const peer of [cluster.relay, ...cluster.askers]) {
    const names = peer.directory.get(signer.peer)?.offer.models.map((one) => one.name);
    expect(names).toEqual(['tаbloom-demo']);
    expect(peer.directory.serving({ name: 'tabloom-demo' }).map(({ offer }) => offer.peer)).not.toContain(signer.peer);
  }
  expect(outcomes(await ask(cluster, 3))).toEqual(['finished']);
});

test('A13: find streams are bounded for each identity, and one who comes later still finds its worker', async () => {
  const cluster = await createTown();
  const identities = await crowd(cluster, 10);
  const opened: Channel[] = [];
  for (const { net } of identities) {
    for (let i = 0; i < 40; i++) {
      const channel = await Promise.race([net.open(cluster.relay.self, findProtocol), cluster.advance(50)]);
      if (!channel) continue;
      await channel.send(encodeFindRequest({ limit: limits.findLimitMax })).catch(() => undefined);
      opened.push(channel);
    }
  }
  await cluster.advance(500);
  const served = opened.filter(({ closed }) => !closed.aborted);
  expect(opened).toHaveLength(400);
  expect(served).toHaveLength(identities.length * limits.findStreamsPerPeerMax);
  expect(outcomes(await ask(cluster, 3))).toEqual(['finished']);
  expect(listed(await cluster.startAsker()).toSorted()).toEqual(honestOf(cluster));
});
