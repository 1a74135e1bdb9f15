import { afterEach, expect, test } from 'vitest';
import type { Peer } from '#lib/peer/peer.ts';
import { gossipTopics } from '#lib/protocol/topics.ts';
import { eventually, startPeer, startRelay } from './ground.ts';

const running: Peer[] = [];
afterEach(async () => {
  for (const peer of running.splice(0).toReversed()) await peer.stop();
});

const heardBy = (peer: Peer): readonly string[] => peer.net.status().relays.flatMap(({ topics }) => topics ?? []);

test('a peer knows all topics of its relay, and a wish goes through the relay to whoever looks', async () => {
  const [llama, gemma] = ['a'.repeat(64), 'b'.repeat(64)] as const;
  const relay = await startRelay(171);
  running.push(relay.peer);
  const [asker, worker, idle] = [
    await startPeer(172, relay.address),
    await startPeer(173, relay.address),
    await startPeer(174, relay.address),
  ];
  running.push(asker, worker, idle);
  worker.wishes.follow(() => undefined);
  // What gossipsub has no room for it drops without a word.
  await eventually(() => heardBy(asker).length >= gossipTopics.length && heardBy(worker).length >= gossipTopics.length);
  expect(heardBy(asker).toSorted()).toEqual(gossipTopics.toSorted());

  // A relay that says something itself waits for somebody to look; from then on it passes on what others say.
  relay.peer.wishes.wish([gemma]);
  await eventually(() => worker.wishes.counts().get(gemma) === 1);
  asker.wishes.wish([llama]);
  await eventually(() => worker.wishes.counts().get(llama) === 1);
  expect(relay.peer.wishes.counts().get(llama)).toBe(1);
  expect(idle.wishes.counts().size).toBe(0);
});
