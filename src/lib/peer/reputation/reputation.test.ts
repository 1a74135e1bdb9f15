import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { standingLimits } from '#lib/market/standing.ts';
import type { Channel } from '#lib/net/spec.ts';
import { type Envelope, type Signer } from '#lib/protocol/envelope.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { limits } from '#lib/protocol/limits.ts';
import {
  decodeTallyFrame,
  encodeTallyFrame,
  signTally,
  tallyProtocol,
  type Tally,
  type TallyFrame,
} from '#lib/protocol/tally.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { chainStart } from '#lib/trust/chain.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { countersign, issueReceipt, openReceipt, receiptHash, type OpenedReceipt } from '#lib/trust/receipt.ts';
import { workOf, workTypical } from '#lib/trust/work.ts';
import type { Peer } from '../peer.ts';
import { chat as ask, demo, follow, job, pass, until } from '../peer.fixture.ts';
import { createTown, signerOf } from '../town.fixture.ts';
import { reputationLimits } from './reputation.ts';

const { afterJobMs, relayFirstMs, relayEveryMs, relayGrant } = reputationLimits;

/** A town in which jobs are done, and strangers say what they like. */
function createScene() {
  const town = createTown();
  const { clock } = town;
  return {
    ...town,
    async answered(asker: Peer, worker: Peer) {
      const asked = follow(asker.consumer, { ...ask('hello'), only: [worker.self] });
      await until(clock, () => asked.over);
      expect(asked.state.phase).toBe('finished');
      await pass(clock, 100);
      return asked;
    },
    /** A stranger with a net and no peer behind it, to say what it likes. */
    async stranger(seed: number, to: Peer) {
      const net = await town.net(seed);
      return {
        signer: signerOf(seed),
        async say(...frames: readonly TallyFrame[]) {
          const channel = await net.open(to.self, tallyProtocol);
          const read = readAll(channel);
          for (const frame of frames) await channel.send(encodeTallyFrame(frame)).catch(() => undefined);
          await channel.close().catch(() => undefined);
          await pass(clock, 200);
          return read;
        },
      };
    },
  };
}

async function readAll(channel: Channel): Promise<readonly TallyFrame[] | 'lost'> {
  const frames: TallyFrame[] = [];
  try {
    for await (const body of channel) frames.push(decodeTallyFrame(body) as TallyFrame);
    return frames;
  } catch {
    return 'lost';
  }
}

const have: TallyFrame = { t: 'have', forked: [], links: new Uint8Array() };
/** Where every town's clock starts. */
const now = manualClock().now();
/** Of a model in no catalog. */
const weight = 10;

/** What a worker signs for a job of nobody's, in a place of its chain that the test names. */
function receiptOf(worker: Signer, asker: string, prevWorker: string, n: number, issuedAt = now): OpenedReceipt {
  const id = n.toString(16).padStart(32, '0');
  return issueReceipt({ ...delivered(id, asker), issuedAt, prevWorker }, worker);
}
const delivered = (id: string, asker: string) => ({
  job: job({ id }),
  asker,
  engine: { name: 'scripted', build: '', deviceClass: '' },
  output: createOutputRoot(chat.outputHash).summary(),
  reason: 'stop' as const,
  tokensIn: 0,
  timings: { queuedMs: 0, ttftMs: 0, decodeMs: 0 },
  price: { in: '0', out: '0' },
});
async function take(peer: Peer, { envelope, record }: OpenedReceipt, at: number) {
  const { job: asked, engine, output, reason, price } = delivered(record.jobId, peer.self);
  const usage = { tokensIn: 0, tokensOut: 0 };
  const { worker } = record;
  return peer.receipts.take(envelope, {
    job: asked,
    engine,
    output,
    reason,
    price,
    usage,
    worker,
    asker: peer.self,
    askedAt: at,
    receivedAt: at,
  });
}

test('what was received by a receipt counts, what one’s own device did does not, and what was given lowers a place', async () => {
  const town = createScene();
  await town.relay(1);
  const [worker, asker] = [await town.join(2), await town.join(3)];
  await town.serve(worker);
  const asked = await town.answered(asker, worker);
  await town.answered(worker, worker);
  const [receipt] = await asker.receipts.list('asker', 1);
  expect(receipt?.countersign).toBeDefined();
  const usage = asked.state.attempts.at(-1)!.settlement!.usage;
  expect(asker.reputation.of(worker.self)).toBeCloseTo(workOf(usage, weight), 0);
  expect(worker.reputation.of(asker.self)).toBe(0);
  expect(worker.reputation.of(worker.self)).toBe(0);
  expect(worker.reputation.served()).toEqual({ tokens: 50, askers: 1 });
  expect(asker.reputation.served()).toEqual({ tokens: 0, askers: 0 });
  // The worker asks in turn: the other has earned nothing, it has.
  const before = asker.reputation.priority(worker.self);
  expect(before).toBeGreaterThan(0);
  expect(worker.reputation.priority(asker.self)).toBe(0);
  await town.serve(asker);
  await town.answered(worker, asker);
  expect(worker.reputation.priority(asker.self)).toBeGreaterThan(0);
  expect(asker.reputation.priority(worker.self)).toBeLessThan(before);
});

test('after a job the worker’s tally is read, and a neighbour’s neighbour is no stranger', async () => {
  const town = createScene();
  await town.relay(1);
  const [far, near, asker] = [await town.join(2), await town.join(3), await town.join(4)];
  await town.serve(far);
  await town.serve(near);
  await town.answered(near, far);
  await town.answered(asker, near);
  expect(asker.reputation.of(far.self)).toBe(0);
  await pass(town.clock, afterJobMs + 500);
  expect(asker.reputation.of(far.self)).toBeGreaterThan(0);
  expect(asker.reputation.of(far.self)).toBeLessThanOrEqual(asker.reputation.of(near.self) / 2);
});

test('a stranger is given a job on the word of a neighbour, when the known worker has no room', async () => {
  const town = createScene();
  await town.relay(1);
  const [far, near, asker] = [await town.join(2), await town.join(3), await town.join(4)];
  await town.serve(far);
  await town.serve(near);
  const seen = { tokens: 50, spanMs: 600 };
  for (let i = 0; i < standingLimits.establishedAt; i++) {
    asker.trackRecord.record(near.self, demo.artefact, { type: 'finished', seen });
  }
  const anyone = async () => {
    const asked: ReturnType<typeof follow>[] = [];
    for (let i = 0; i < 3; i++) {
      asked.push(follow(asker.consumer, ask(`hello ${i}`)));
      await pass(town.clock, 20);
    }
    await until(town.clock, () => asked.every(({ over }) => over));
    return new Map(asked.map(({ state }) => [state.worker!.peer, state.worker!.route?.level]));
  };
  for (let i = 0; i < 12; i++) {
    await town.answered(near, far);
    await town.answered(asker, near);
  }
  await pass(town.clock, afterJobMs + 500);
  expect(asker.reputation.isVouchedFor(far.self, demo.artefact)).toBe(false);
  expect(await anyone()).toEqual(new Map([[near.self, 'established']]));
  await pass(town.clock, reputationLimits.neighbourGapMs);
  await town.answered(asker, near);
  await pass(town.clock, afterJobMs + 500);
  expect(asker.reputation.isVouchedFor(far.self, demo.artefact)).toBe(true);
  expect(await anyone()).toEqual(
    new Map([
      [near.self, 'established'],
      [far.self, 'vouched'],
    ]),
  );
});

test('a box that only serves knows by its relay’s tally who served, and serves those first', async () => {
  const town = createScene();
  const relay = await town.relay(1);
  const [box, helper, idler] = [await town.join(2), await town.join(3), await town.join(4)];
  await town.serve(helper);
  await town.answered(relay, helper);
  await pass(town.clock, relayFirstMs + relayEveryMs);
  const of = box.reputation.of(helper.self);
  expect(of).toBeGreaterThan(0);
  expect(of).toBeLessThanOrEqual(relayGrant / 2);
  expect(box.reputation.priority(helper.self)).toBeGreaterThan(0);
  expect(box.reputation.priority(idler.self)).toBe(0);
  expect(box.reputation.of(relay.self)).toBe(0);
});

test('a tally is given to those it can matter to, and by a relay to everybody', async () => {
  const town = createScene();
  const relay = await town.relay(1);
  const worker = await town.join(2);
  const stranger = await town.stranger(9, worker);
  expect(await stranger.say(have)).toEqual([have]);
  const other = await town.stranger(8, relay);
  expect(await other.say(have)).toEqual([have, { t: 'tally', envelope: expect.anything() }]);
});

const tallyOf = (signer: Signer, of: string, change: Partial<Tally> = {}): Envelope =>
  signTally(
    {
      peer: signer.peer,
      seq: 5,
      issuedAt: now,
      ttlMs: limits.tallyTtlMs,
      received: [{ peer: of, work: 10 * workTypical }],
      ...change,
    },
    signer,
  );

test('forged, borrowed, replayed, old and future tallies count for nothing; a liar’s is bounded', async () => {
  const friend = signerOf(7).peer;
  const town = createScene();
  const peer = await town.join(2);
  const liar = await town.stranger(9, peer);
  // It has done one job, for which it may vouch with half.
  await take(peer, receiptOf(liar.signer, peer.self, chainStart, 1), town.clock.now());
  const say = async (envelope: Envelope) => {
    await pass(town.clock, limits.tallyMinGapMs);
    return liar.say(have, { t: 'tally', envelope });
  };
  const honest = tallyOf(liar.signer, friend);
  expect(await say({ ...honest, sig: new Uint8Array(64) })).toBe('lost');
  expect(await say(tallyOf(signerOf(8), friend))).toBe('lost');
  await say(tallyOf(liar.signer, friend, { issuedAt: now - limits.tallyTtlMs }));
  await say(tallyOf(liar.signer, friend, { issuedAt: now + 3_600_000 }));
  expect(peer.reputation.of(friend)).toBe(0);
});

test('a tally seen before is not counted again', async () => {
  const town = createScene();
  await town.relay(1);
  const [worker, asker] = [await town.join(2), await town.join(3)];
  await town.serve(worker);
  await town.answered(asker, worker);
  await worker.stop();
  const net = await town.net(2);
  const [friend, other] = [signerOf(7).peer, signerOf(6).peer];
  const say = async (envelope: Envelope) => {
    await pass(town.clock, limits.tallyMinGapMs);
    const channel = await net.open(asker.self, tallyProtocol);
    await channel.send(encodeTallyFrame(have));
    await channel.send(encodeTallyFrame({ t: 'tally', envelope }));
    await channel.close();
    await pass(town.clock, 200);
  };
  const signer = signerOf(2);
  const issuedAt = town.clock.now();
  // Above what the peer itself has said after the job.
  const first = tallyOf(signer, friend, { seq: issuedAt + 10_000_000, issuedAt });
  await say(first);
  const share = asker.reputation.of(worker.self) / 2;
  expect(asker.reputation.of(friend)).toBeGreaterThan(0);
  expect(asker.reputation.of(friend)).toBeLessThanOrEqual(share);
  await say(
    tallyOf(signer, other, { seq: issuedAt + 10_000_001, issuedAt, received: [{ peer: other, work: 2 ** 50 }] }),
  );
  expect([asker.reputation.of(friend), asker.reputation.of(other) <= share]).toEqual([0, true]);
  await say(first);
  expect(asker.reputation.of(friend)).toBe(0);
});

test('a peer is granted one exchange at a time, and another one after a while', async () => {
  const town = createScene();
  const peer = await town.join(2);
  const stranger = await town.stranger(9, peer);
  expect(await stranger.say(have)).toEqual([have]);
  expect(await stranger.say(have)).toBe('lost');
  await pass(town.clock, limits.tallyMinGapMs);
  expect(await stranger.say(have)).toEqual([have]);
});

test('frames out of turn, or more than there may be, end the exchange', async () => {
  const town = createScene();
  const peer = await town.join(2);
  let seed = 10;
  const worker = signerOf(40);
  const [a, b] = [1, 2].map((n) => receiptOf(worker, peer.self, chainStart, n).envelope) as [Envelope, Envelope];
  const noFork = { t: 'fork', fork: { side: 'worker', left: a, right: b } } as TallyFrame;
  const tallies = (signer: Signer) => ({ t: 'tally', envelope: tallyOf(signer, worker.peer) }) as const;
  for (const frames of [
    () => [{ t: 'link', envelope: a } as TallyFrame],
    () => [have, have],
    (signer: Signer) => [have, tallies(signer), tallies(signer)],
    () => [have, noFork],
    () => [have, ...Array.from({ length: limits.tallyForksMax + 1 }, () => ({ t: 'link', envelope: a }) as TallyFrame)],
  ]) {
    const stranger = await town.stranger(seed++, peer);
    expect(await stranger.say(...frames(stranger.signer))).toBe('lost');
  }
  expect(peer.reputation.forks.list()).toEqual([]);
});

/** A worker that has shown the relay and an asker two histories. */
async function forkedTown() {
  const town = createScene();
  const [relay, asker] = [await town.relay(1), await town.join(3)];
  const forker = signerOf(50);
  const first = receiptOf(forker, asker.self, chainStart, 1);
  const forAsker = receiptOf(forker, asker.self, receiptHash(first.envelope), 2);
  const forRelay = receiptOf(forker, relay.self, receiptHash(first.envelope), 3);
  await take(asker, first, town.clock.now());
  await take(asker, forAsker, town.clock.now());
  await take(relay, forRelay, town.clock.now());
  return { town, relay, asker, forker };
}

test('two who were shown different histories find out, and a third is handed the proof', async () => {
  const { town, relay, asker, forker } = await forkedTown();
  const third = await town.join(4);
  expect(asker.reputation.forks.list()).toEqual([]);
  await pass(town.clock, relayFirstMs + 1_000);
  for (const peer of [relay, asker]) expect(peer.reputation.forks.has(forker.peer)).toBe(true);
  await pass(town.clock, relayEveryMs + 1_000);
  expect(third.reputation.forks.has(forker.peer)).toBe(true);
  expect(asker.reputation.of(forker.peer)).toBe(0);
  // For ever: what it does afterwards counts no more.
  const later = town.clock.now();
  const { receipt } = await take(asker, receiptOf(forker, asker.self, chainStart, 9, later), later);
  expect(receipt.countersign).toBeDefined();
  expect(asker.reputation.of(forker.peer)).toBe(0);
});

test('who shows one peer two histories is found out at once, as a worker and as an asker', async () => {
  const town = createScene();
  const [peer, forker] = [await town.join(2), signerOf(50)];
  const first = receiptOf(forker, peer.self, chainStart, 1);
  const [one, two] = [2, 3].map((n) => receiptOf(forker, peer.self, first.hash, n)) as [OpenedReceipt, OpenedReceipt];
  for (const receipt of [first, one]) expect((await take(peer, receipt, town.clock.now())).forked).toBeUndefined();
  expect((await take(peer, two, town.clock.now())).forked).toBe(true);
  await pass(town.clock, 10);
  expect(peer.reputation.forks.list()).toMatchObject([{ peer: forker.peer, fork: { side: 'worker' } }]);

  const issue = (n: number) => peer.receipts.issue(delivered(n.toString(16).padStart(32, '0'), signerOf(51).peer));
  const [before, ...both] = [await issue(11), await issue(12), await issue(13)] as [Envelope, Envelope, Envelope];
  const sign = (envelope: Envelope, prev: string) => countersign(openReceipt(envelope), prev, signerOf(51));
  const start = sign(before, chainStart);
  peer.receipts.acknowledge(before, start);
  for (const envelope of both) peer.receipts.acknowledge(envelope, sign(envelope, receiptHash(start)));
  await pass(town.clock, 10);
  expect(peer.reputation.forks.list().map(({ fork }) => fork.side)).toEqual(['worker', 'asker']);
  expect(peer.reputation.priority(signerOf(51).peer)).toBe(0);
});

test('a restart forgets neither receipts, nor links, nor proofs', async () => {
  const { town, forker } = await forkedTown();
  const storage = createMemoryStorage();
  const worker = await town.join(5);
  const peer = await town.join(6, { storage });
  await town.serve(worker);
  await town.answered(peer, worker);
  await pass(town.clock, relayEveryMs * 2);
  expect(peer.reputation.forks.has(forker.peer)).toBe(true);
  const { length } = peer.receipts.links.digests(10);
  const at = town.clock.now();
  await take(peer, receiptOf(signerOf(60), peer.self, 'ab'.repeat(32), 77, at), at);
  await peer.stop();
  const again = await town.join(6, { storage });
  await pass(town.clock, 1_000);
  expect(again.reputation.forks.has(forker.peer)).toBe(true);
  expect(again.reputation.of(worker.self)).toBeGreaterThan(0);
  expect(again.receipts.links.digests(10)).toHaveLength(length + 24);
});

test('a worker serves first whom it owes, then strangers in the order they came', async () => {
  const town = createScene();
  await town.relay(1);
  const [worker, friend, early, late] = [
    await town.join(2),
    await town.join(3),
    await town.join(4),
    await town.join(5),
  ];
  await town.serve(friend);
  await town.answered(worker, friend);
  await town.serve(worker);
  const asks = (asker: Peer) => follow(asker.consumer, { ...ask('hello'), only: [worker.self] });
  const running = asks(late);
  await until(town.clock, () => running.state.phase === 'streaming');
  const [first, second] = [asks(early), asks(friend)];
  await until(town.clock, () => first.over && second.over);
  const finishedAt = ({ events }: typeof first) => events.find(({ type }) => type === 'job-finished')!.at;
  expect(finishedAt(second)).toBeLessThan(finishedAt(first));
});
