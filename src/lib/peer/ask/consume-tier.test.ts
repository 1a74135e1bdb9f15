import { expect, test } from 'vitest';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { receiptSchema } from '#lib/protocol/receipt.ts';
import { chat, createWorld, follow, until } from '../peer.fixture.ts';
import type { TierCheck, TierFinding } from '../tiers/check.ts';

const seen: TierFinding = {
  bond: { chain: 31_337, provider: `0x${'11'.repeat(20)}`, amount: '2000', required: '2000', block: '7' },
  audits: { receipts: 100, audited: 25, validators: 4, convictions: 0 },
};

const proving = (proven: () => readonly PeerId[], convicted: () => readonly PeerId[] = () => []): TierCheck => ({
  tiers: ['verified'],
  prepare: async () => undefined,
  proves: (peer, tier) => tier === 'verified' && proven().includes(peer),
  refutes: () => false,
  finding: (peer) => (proven().includes(peer) ? seen : undefined),
  isConvicted: (peer) => convicted().includes(peer),
});

test('a job of a tier goes to the worker that has it and to no other, and its receipt says the tier that was checked', async () => {
  const world = createWorld();
  let heard = 0;
  const liar = await world.byzantineWorker(1, async ({ hang }) => ((heard += 1), hang()));
  const bonded = await world.worker(2, { answerTokens: 4, provider: { tiers: ['open', 'verified'] } });
  let proven: readonly PeerId[] = [];
  const tierCheck = proving(() => proven);
  const asker = await world.asker(3, { tierCheck });
  const ask = async () => {
    const job = follow(asker.consumer, chat('hello', { tier: 'verified' }));
    await until(world.clock, () => job.over);
    return job;
  };
  expect((await ask()).state).toMatchObject({ phase: 'failed', error: { code: 'tier-unavailable' }, attempts: [] });
  proven = [bonded.net.self];
  for (let at = 0; at < 5; at++) {
    const { state } = await ask();
    expect(state).toMatchObject({
      phase: 'finished',
      attempts: [{ worker: { peer: bonded.net.self, tier: 'verified', checked: seen } }],
    });
  }
  const stored = await asker.book.entries('asker', 9);
  const tiers = stored.map(({ signed }) => decodeCbor(receiptSchema, signed.receipt.payload, 'bad-record').tier);
  expect(tiers).toEqual(Array<string>(5).fill('verified'));
  // Convicted, or its bond gone: nobody is left, and nobody else takes its place.
  proven = [];
  expect((await ask()).state).toMatchObject({ phase: 'failed', error: { code: 'tier-unavailable' }, attempts: [] });
  expect([heard, liar.net.self === bonded.net.self]).toEqual([0, false]);
});

test('one that was convicted is asked last, whatever the tier, and still asked where it is the only one', async () => {
  const world = createWorld();
  const [one, two] = [await world.worker(1, { answerTokens: 3 }), await world.worker(2, { answerTokens: 3 })];
  let convicted: readonly PeerId[] = [one.net.self];
  const asker = await world.asker(3, {
    tierCheck: proving(
      () => [],
      () => convicted,
    ),
  });
  const askedPeers = async (terms: object = {}) => {
    const job = follow(asker.consumer, chat('hello', terms));
    await until(world.clock, () => job.over);
    return job.state.attempts.map(({ worker }) => worker.peer);
  };
  for (let at = 0; at < 6; at++) expect(await askedPeers()).toEqual([two.net.self]);
  convicted = [one.net.self, two.net.self];
  expect(await askedPeers({ only: [one.net.self] })).toEqual([one.net.self]);
});
