import { afterEach, expect, test } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import { jobFixture } from '#lib/protocol/protocol.fixture.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';
import { chat, eventually, knows, model, run, startPeer, startRelay } from './ground.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

test('tallies and forks travel over real connections: from the worker after a job, and from a relay to whoever asks', async () => {
  const relay = await startRelay(121);
  ending.push(() => relay.peer.stop());
  const join = async (number: number) => {
    const peer = await startPeer(number, relay.address);
    ending.push(() => peer.stop());
    return peer;
  };
  const [far, near, asker] = [await join(122), await join(123), await join(124)];
  const serve = async (worker: Peer, askers: readonly Peer[]) => {
    worker.provider.offerModel(await model({ answerTokens: 40 }));
    await Promise.all(askers.map((peer) => knows(peer, worker.self)));
  };
  const answered = async (by: Peer, to: Peer) => {
    const { phase } = await run(to.consumer, chat('hello', { only: [by.self] }));
    expect(phase).toBe('finished');
  };
  await serve(far, [near, relay.peer]);
  await serve(near, [asker]);
  // A worker that shows the relay one history, and this asker another.
  const forker = createSigner(new Uint8Array(32).fill(99));
  for (const [n, peer] of [relay.peer, asker].entries()) await takeAfter('ab'.repeat(32), n, peer, forker);

  await answered(far, near);
  await answered(near, asker);
  await answered(far, relay.peer);
  expect(asker.reputation.of(near.self)).toBeGreaterThan(0);
  await eventually(() => asker.reputation.of(far.self) > 0);
  expect(asker.reputation.of(far.self)).toBeLessThanOrEqual(asker.reputation.of(near.self) / 2);

  const box = await join(125);
  await eventually(() => box.reputation.priority(far.self) > 0);
  expect(box.reputation.priority(asker.self)).toBe(0);
  await eventually(() => [asker, relay.peer].every(({ reputation }) => reputation.forks.has(forker.peer)));
  await eventually(() => box.reputation.forks.has(forker.peer));
});

async function takeAfter(prevWorker: string, n: number, peer: Peer, worker: ReturnType<typeof createSigner>) {
  const job = { ...jobFixture, id: String(n).padStart(32, '0') };
  const engine = { name: 'scripted', build: '', deviceClass: '' };
  const output = { outputRoot: '0'.repeat(64), outputForm: 'text-parts' as const, tokens: 0 };
  const price = { in: '0', out: '0' };
  const common = { job, asker: peer.self, engine, output, reason: 'stop' as const, price };
  const timings = { queuedMs: 0, ttftMs: 0, decodeMs: 0 };
  const at = Date.now();
  const { envelope } = issueReceipt({ ...common, tokensIn: 0, timings, issuedAt: at, prevWorker }, worker);
  const usage = { tokensIn: 0, tokensOut: 0 };
  const { receipt } = await peer.receipts.take(envelope, {
    ...common,
    usage,
    worker: worker.peer,
    askedAt: at,
    receivedAt: at,
  });
  expect(receipt.countersign).toBeDefined();
}
