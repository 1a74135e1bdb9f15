import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { auditId, type Accusation } from '#lib/protocol/audit.ts';
import type { Job } from '#lib/protocol/job.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { chainStart } from '#lib/trust/chain.ts';
import { commitEpoch, createEpochTree } from '#lib/trust/epoch.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';
import { trialWindows } from '#lib/trust/trial-state.ts';
import { signerOf } from '../town.fixture.ts';
import { createTrials } from './trials.ts';

const accusedAt = 1_700_000_000_000;
const until = accusedAt - 1_000_000;
const worker = signerOf(2);
const beacon = {
  id: 'b'.repeat(64),
  roundAfter: (at: number) => Math.floor(at / 3_000) + 1,
  timeOf: (round: number) => round * 3_000,
  value: async (round: number) => ({ type: 'value', round, randomness: new Uint8Array(32).fill(7) }) as const,
};

function issue(number: number) {
  const job: Job = {
    id: number.toString(16).padStart(32, '0'),
    artefact: 'a'.repeat(64),
    model: 'demo',
    kind: 'chat',
    input: { messages: [{ role: 'user', content: 'Hi' }] },
    params: { maxTokens: 8, temperature: 0 },
    tier: 'open',
    deadlineMs: 60_000,
    salt: '0'.repeat(32),
  };
  const given = {
    job,
    asker: signerOf(6).peer,
    engine: { name: 'llama', build: '1', deviceClass: 'native-cpu' },
    output: createOutputRoot(chat.outputHash).summary(),
    reason: 'stop',
    tokensIn: 1,
    timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
    price: { in: '0', out: '0' },
    issuedAt: until - 1_000,
    prevWorker: chainStart,
  } as const;
  return issueReceipt(given, worker);
}

/** What these accusers say of one epoch, each of `each` leaves of its own. */
function accusationsOf(accusers: readonly number[], each: number): readonly Accusation[] {
  const receipts = Array.from({ length: accusers.length * each }, (_, number) => issue(number));
  const byHash = new Map(receipts.map((one) => [one.hash, one]));
  const tree = createEpochTree([...byHash.keys()]);
  const { root } = tree;
  const count = tree.leaves.length;
  const record = { worker: worker.peer, epoch: 0, from: 0, until, root, count, tokens: 0, previous: chainStart };
  const epoch = commitEpoch(record, worker);
  return tree.leaves.map((hash, index) => {
    const accuser = signerOf(accusers[index % accusers.length]!).peer;
    return {
      audit: auditId(epoch.hash, index, accuser),
      accuser,
      epoch: epoch.envelope as never,
      receipt: byHash.get(hash)!.envelope as never,
      index,
      path: [...tree.prove(index)],
      beacon: beacon.id,
      seal: 'c'.repeat(64),
      accusedAt,
    };
  });
}

const named = Array.from({ length: 7 }, (_, at) => ({ peer: signerOf(20 + at).peer, engineClass: 'llama' }));

async function begunOf(accusations: readonly Accusation[]) {
  const seated = new Map<string, readonly string[]>();
  const trials = createTrials({
    logger: silentLogger,
    beacon,
    share: 1_000_000,
    windows: trialWindows,
    graceMs: 0,
    candidates: () => named,
    seenAt: () => until,
    onEffect(effect, { accusation, state }) {
      if (effect.type === 'seat') seated.set(accusation.audit, [...effect.validators, ...state.waiting]);
    },
  });
  for (const record of accusations) trials.take({ type: 'accusation', record }, accusedAt);
  await trials.tick(accusedAt + 30_000);
  return [...seated.values()];
}

test('twelve accusers with eight accusations each are all heard at once', async () => {
  const accusers = Array.from({ length: 12 }, (_, at) => 40 + at);
  expect(await begunOf(accusationsOf(accusers, 8))).toHaveLength(96);
});

test('one accuser is heard twice as often as it accuses by itself, and no more', async () => {
  expect(await begunOf(accusationsOf([40], 24))).toHaveLength(16);
});

test('who is left out does not sit, a stranger changes nothing, and more than a quarter may not be left out', async () => {
  const [accusation] = accusationsOf([40], 1);
  const panelWithout = (...without: readonly string[]) => begunOf([{ ...accusation!, without: [...without] }]);
  const [first = '', second = ''] = named.map(({ peer }) => peer);
  const [all = []] = await begunOf([accusation!]);
  expect([...all].sort()).toEqual(named.map(({ peer }) => peer).sort());
  expect(await panelWithout(first)).toEqual([all.filter((peer) => peer !== first)]);
  expect(await panelWithout(first, first)).toEqual([all.filter((peer) => peer !== first)]);
  expect(await panelWithout(signerOf(9).peer)).toEqual([all]);
  expect(await panelWithout(first, second)).toEqual([]);
});
