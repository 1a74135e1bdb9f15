import { beforeEach, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { createMemoryNetwork } from '#lib/net/memory.fixture.ts';
import { createPeer, type Peer, type PeerComponents } from '#lib/peer/peer.ts';
import { chat, demo, follow, job, pass, until } from '#lib/peer/peer.fixture.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { Part } from '#lib/protocol/part.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createNextPeer, type NextPeer, type NextStage } from './next-peer.ts';

/** A peer of the next version among those of today's, both ways: found, asked, asking, introducing. */
let town: Awaited<ReturnType<typeof createTown>>;
beforeEach(async () => {
  town = await createTown();
});

async function createTown() {
  const clock = manualClock();
  const random = seededRandom(3);
  const network = createMemoryNetwork({ clock, random });
  const keyOf = (seed: number) => new Uint8Array(32).fill(seed);
  const join = async (seed: number, relays: readonly string[], change: Partial<PeerComponents> = {}): Promise<Peer> => {
    const peer = await createPeer({
      net: network.createNet({ seed: keyOf(seed) }),
      signer: createSigner(keyOf(seed)),
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
  const newcomer = async (seed: number): Promise<NextPeer> => {
    const net = network.createNet({ seed: keyOf(seed) });
    await net.start();
    return createNextPeer(net, createSigner(keyOf(seed)), clock);
  };
  const relay = await join(1, [], { discovery: 'server', role: 'native' });
  const asker = await join(2, [relay.self]);
  const next = await newcomer(3);
  await pass(clock, 100);
  const worker = async () => {
    const peer = await join(4, [relay.self]);
    peer.provider.offerModel(await createScriptedEngine({ clock, answerTokens: 5 }).load(demo, {}));
    await until(clock, () => asker.directory.get(peer.self) !== undefined);
    return peer;
  };
  const published = async (change?: object) => {
    await next.publish(change);
    await until(clock, () => asker.directory.get(next.net.self) !== undefined);
  };
  return { clock, relay, asker, next, join, newcomer, worker, published };
}

const parts: readonly Part[] = [
  { type: 'text-delta', text: 'Hi', tokens: 1, ids: [1] },
  { type: 'text-delta', text: ' there', tokens: 1, ids: [2] },
];
const all = { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true };

/** An answer in words of tomorrow, around a text of today. */
async function talk({ send, finish }: NextStage): Promise<void> {
  await send({ t: 'accepted', position: 0, etaMs: 5, mood: 'fine' });
  await send({ t: 'weather', is: 'fair' });
  await send({ t: 'alive', phase: 'dreaming', etaMs: 5 });
  await send({ t: 'part', part: { type: 'scent', of: 'pine' } });
  await send({ t: 'part', part: { ...parts[0]!, mood: 'fine' } });
  await send({ t: 'part', part: { type: 'warning', code: 'out-of-pine', message: 'No pine here.' } });
  await send({ t: 'part', part: parts[1]!, must: [] });
  await send(finish(parts));
}

test('its offers are kept in what is known of them, by the relay and by askers, one after the other', async () => {
  await town.published();
  for (const { directory } of [town.relay, town.asker]) {
    const { offer } = directory.get(town.next.net.self)!;
    expect(offer).toMatchObject({ role: 'swarm', tiers: ['open', 'audited'], policy: ['riddles'] });
    expect(offer.models.map(({ name, kinds }) => [name, kinds])).toEqual([
      [demo.name, ['chat', 'video']],
      ['film', ['video']],
    ]);
  }
  for (let again = 0; again < 5; again++) {
    await pass(town.clock, 500);
    await town.next.publish({ build: `9.0.${again}` });
    await pass(town.clock, 500);
    for (const { directory } of [town.relay, town.asker]) {
      expect(directory.get(town.next.net.self)?.offer.build).toBe(`9.0.${again}`);
    }
  }
});

test('it serves an asker of today’s, and its receipt holds', async () => {
  town.next.serve(talk);
  await town.published();
  const asked = follow(town.asker.consumer, chat('hello'));
  await until(town.clock, () => asked.over);
  expect(asked.state).toMatchObject({
    phase: 'finished',
    text: 'Hi there',
    tokens: 2,
    reason: 'bored',
    attempts: [{ settlement: { receiptCheck: all } }],
    warnings: [{ code: 'out-of-pine' }],
  });
  expect(asked.state.attempts[0]?.settlement?.receipt.countersign).toBeDefined();
});

test('it asks a worker of today’s, which passes over what it does not know', async () => {
  const worker = await town.worker();
  const asking = town.next.ask(worker.self, [
    { t: 'open', job: { ...job(), colour: 'red', must: [] }, at: 1 },
    { t: 'steer', towards: 'brevity' },
  ]);
  let heard: Awaited<typeof asking> | undefined;
  void asking.then((frames) => (heard = frames));
  await until(town.clock, () => heard !== undefined);
  expect(heard?.[0]).toMatchObject({ t: 'accepted' });
  expect(heard?.at(-1)).toMatchObject({ t: 'finish', usage: { tokensOut: 5 } });
});

test('a job that must be understood, and is not, is refused with `version`', async () => {
  const worker = await town.worker();
  const of = (change: object) => [{ t: 'open', job: { ...job(), ...change } }];
  const refused = [
    of({ must: ['sealed'] }),
    of({ kind: 'video', input: { scene: 1 } }),
    of({ input: { messages: [{ role: 'critic', content: 'no' }] } }),
    of({ input: { messages: [{ role: 'user', content: [{ type: 'scent', of: 'pine' }] }] } }),
    of({ params: { maxTokens: 8, whim: 1 } }),
    [{ t: 'open', job: job(), must: ['sealed'] }],
  ];
  for (const frames of refused) {
    let heard: readonly unknown[] | undefined;
    void town.next.ask(worker.self, frames).then((answer) => (heard = answer));
    await until(town.clock, () => heard !== undefined);
    expect(heard).toMatchObject([{ t: 'refused', code: 'version' }]);
  }
  expect(worker.provider.state).toMatchObject({ running: 0, queued: 0, jobsFailed: 0 });
});

test('an offer that must be understood, and is not, is kept and passed on, and never chosen', async () => {
  let asked = 0;
  town.next.serve(async () => void (asked += 1));
  await town.published({ must: ['sealed'] });
  const only = [town.next.net.self];
  const alone = follow(town.asker.consumer, chat('hello', { only }));
  await until(town.clock, () => alone.over);
  expect(alone.state).toMatchObject({ phase: 'failed', error: { code: 'no-peer-available' } });
  expect(alone.state.rejections).toEqual([{ peer: town.next.net.self, reason: 'version' }]);
  await town.worker();
  const together = follow(town.asker.consumer, chat('hello'));
  await until(town.clock, () => together.over);
  expect(together.state.phase).toBe('finished');
  expect(asked).toBe(0);
});

test('a frame that must be understood, and is not, sends the asker to the next worker', async () => {
  town.next.serve(async ({ send }) => {
    await send({ t: 'accepted', position: 0, etaMs: 5 });
    await send({ t: 'part', part: parts[0]!, must: ['sealed'] });
  });
  await town.published();
  const worker = await town.worker();
  const asked = follow(town.asker.consumer, chat('hello'));
  await until(town.clock, () => asked.over);
  expect(asked.state).toMatchObject({ phase: 'finished', worker: { peer: worker.self } });
  expect(asked.state.attempts.at(-1)?.settlement?.receiptCheck).toEqual(all);
  expect(asked.state.text).not.toContain('Hi');
  expect(asked.state.attempts.map((attempt) => attempt.worker.peer)).toEqual([town.next.net.self, worker.self]);
});

test('its relays introduce peers of today’s to each other', async () => {
  const next = await town.newcomer(5);
  const other = await town.newcomer(6);
  other.serve(talk);
  next.introduce((hello) => [hello, { t: 'map', of: 'the world' }, { t: 'sample', offers: [other.offer()], more: 1 }]);
  const asker = await town.join(7, [next.net.self]);
  await until(town.clock, () => asker.directory.get(other.net.self) !== undefined);
  const asked = follow(asker.consumer, chat('hello'));
  await until(town.clock, () => asked.over);
  expect(asked.state).toMatchObject({
    phase: 'finished',
    text: 'Hi there',
    attempts: [{ settlement: { receiptCheck: all } }],
  });
});
