import { afterEach, expect, test } from 'vitest';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { shardOf } from '#lib/protocol/find.ts';
import { limits } from '#lib/protocol/limits.ts';
import { signOffer } from '#lib/protocol/offer.ts';
import { build } from '#lib/protocol/version.ts';
import { chat, eventually, knows, model, run, startPeer, startRelay } from './ground.ts';

const running: Peer[] = [];
afterEach(async () => {
  for (const peer of running.splice(0).toReversed()) await peer.stop();
});

/** As many workers of another model as an asker follows in a large network; none of them exists. */
function crowd(relay: Peer): void {
  for (let number = 0; number < limits.findLimitMax; number++) {
    const signer = createSigner(new Uint8Array(32).fill(1 + number));
    const offer = {
      peer: signer.peer,
      seq: 1,
      issuedAt: Date.now(),
      ttlMs: limits.offerTtlMsMax,
      role: 'tab',
      draining: false,
      engine: { name: 'scripted', build: '1', deviceClass: 'test' },
      models: [
        {
          artefact: 'c'.repeat(64),
          name: 'another',
          kinds: ['chat'],
          features: [],
          contextTokens: 2_048,
          quantisation: 'none',
          price: { in: '0', out: '0' },
          slots: 1,
          running: 0,
          queued: 0,
        },
      ],
      tiers: ['open'],
      policy: [],
      addrs: [],
      build,
    };
    relay.directory.consider(offer, signOffer(offer, signer));
  }
}

/** A large network: an asker that follows as many workers as it may, none of which exists. */
async function largeNetwork(first: number) {
  const relay = await startRelay(first, { network: () => 'large' });
  running.push(relay.peer);
  crowd(relay.peer);
  const asker = await startPeer(first + 1, relay.address);
  running.push(asker);
  await eventually(() => asker.directory.size === limits.findLimitMax);
  const workerOf = async (number: number, served: LoadedModel) => {
    const worker = await startPeer(number, relay.address);
    running.push(worker);
    worker.provider.offerModel(served);
    await eventually(() => worker.listing!.relays.length === 1);
    await knows(relay.peer, worker.self);
    return worker;
  };
  return { asker, workerOf };
}

test('a job whose worker is not in the sample of a large network finds it through the relay', async () => {
  const { asker, workerOf } = await largeNetwork(141);
  const served = await model({ answerTokens: 20 });
  const worker = await workerOf(143, served);
  expect(asker.directory.get(worker.self)).toBeUndefined();

  const wished = { model: { artefact: served.model.artefact } };
  expect(await run(asker.consumer, chat('are you there?', wished))).toMatchObject({
    phase: 'finished',
    worker: { peer: worker.self },
  });
  const nobody = await run(asker.consumer, chat('and you?', { model: { artefact: 'd'.repeat(64) } }));
  expect(nobody).toMatchObject({ phase: 'failed', error: { code: 'no-peer-available' } });
});

test('an asker follows the topic of the model that it searched for, and receives no offer of another', async () => {
  const { asker, workerOf } = await largeNetwork(151);
  const [served, other] = [await model({ answerTokens: 20 }), await model({ answerTokens: 20 }, 50)];
  expect(shardOf(served.model.artefact)).not.toBe(shardOf(other.model.artefact));
  const worker = await workerOf(153, served);
  const received = new Set<string>();
  asker.directory.onChange((change) => change.type === 'offer' && received.add(change.entry.offer.peer));
  const wished = { model: { artefact: served.model.artefact } };
  expect(await run(asker.consumer, chat('are you there?', wished))).toMatchObject({ phase: 'finished' });

  const stranger = await workerOf(154, other);
  const second = await workerOf(155, served);
  await knows(asker, second.self);
  expect(
    [...received].filter((peer) => [worker, second, stranger].some(({ self }) => self === peer)).toSorted(),
  ).toEqual([worker.self, second.self].toSorted());
});
