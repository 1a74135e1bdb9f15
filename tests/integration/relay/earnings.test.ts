import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createPayer, type Payer } from '#lib/pay/payer.ts';
import { createPurse } from '#lib/pay/purse.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createSessionKey } from '#lib/pay/wallet/session-key.ts';
import { initialJob, reduceJob } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startLocalChain, type LocalChain, type Person } from '../pay/chain.fixture.ts';
import { postChat, question } from './http.ts';
import { createAsker } from './worker.ts';

/** A relay whose native models have a price, and peers that ask it over libp2p, with a purse and without. */
let chain: LocalChain;
let relay: RelayProcess;
let provider: Person;
let payer: Payer;
let asker: Peer;
let stranger: Peer;
beforeAll(async () => {
  chain = await startLocalChain();
  const [owner, spender] = [await chain.person(0n), await chain.person(10_000_000n)];
  provider = owner;
  const env = {
    EARN_IN: '1000',
    EARN_OUT: '2000',
    EARN_CHAIN: '31337',
    EARN_KEY: provider.key,
    // Here gas costs nothing, so that whatever there is is claimed.
    EARN_COIN_PRICE: '0.000001',
    CHAIN_RPC_URL: chain.anvil.url,
  };
  relay = await startRelay({ native: 'with-native', env });
  const [view, clock, storage] = [chain.chain(), systemClock, createMemoryStorage()];
  const time = createChainTime(view, clock);
  const now = await time.current();
  const key = await createSessionKey(
    { storage, random: systemRandom },
    { limit: 10_000_000n, expiresAt: now + 86_400, now },
  );
  payer = await createPayer({ store: createVoucherStore(storage), clock, chain: view, time, key });
  const purse = createPurse(
    {
      chains: [{ chain: view, time, payer, wallet: spender.wallet, sender: spender.wallet }],
      random: systemRandom,
    },
    {
      perJobMax: 1_000_000n,
      perProviderMax: 5_000_000n,
      depositsMax: 5_000_000n,
      jobsPerDeposit: 2n,
      sponsorFeeMax: 0n,
    },
  );
  [asker, stranger] = [await createAsker(relay.url, { purse }), await createAsker(relay.url)];
  await Promise.all([asker.start(), stranger.start()]);
});
afterAll(async () => {
  await Promise.all([asker?.stop(), stranger?.stop()]);
  await relay?.dispose();
  await chain?.stop();
});

const request = (budget?: string): AskRequest =>
  ({
    kind: 'chat',
    model: { name: 'tabloom-demo' },
    input: { messages: [{ role: 'user', content: 'Tell me a story about the sea.' }] },
    params: { maxTokens: 200, temperature: 0 },
    contextTokens: 300,
    tier: 'open',
    ...(budget === undefined ? {} : { budget }),
  }) as unknown as AskRequest;

async function ask(peer: Peer, budget?: string) {
  let state = initialJob;
  for await (const event of peer.consumer.ask(request(budget), { signal: AbortSignal.timeout(90_000) })) {
    state = reduceJob(state, event);
  }
  return state;
}

test('the gateway beside the models pays nothing', async () => {
  const response = await postChat(relay.url, question({ model: 'tabloom-demo' }));
  expect(response.status).toBe(200);
});

test('a peer without money gets nothing, and is told why', async () => {
  const job = await ask(stranger);
  expect(job.phase).toBe('failed');
  expect(job.output.text).toBe('');
});

test('a peer with a budget pays for each chunk, and the receipt says how much', async () => {
  const job = await ask(asker, '1000000');
  expect(job.phase).toBe('finished');
  expect(job.output.text).not.toBe('');
  const { usage, cost } = job;
  const total = BigInt(cost!.total);
  // Of the prompt no more is billed than its bytes account for.
  const answer = BigInt(usage!.tokensOut) * 2_000n;
  expect(total).toBeGreaterThan(answer);
  expect(total).toBeLessThanOrEqual(answer + BigInt(usage!.tokensIn) * 1_000n);
  expect(job.attempts[0]?.settlement?.receiptCheck.payment).toBe(true);
  expect((await payer.state(payer.list()[0]!.id)).promised).toBe(total);
});

test('what was promised is claimed and paid out, also by a relay that was killed before', async () => {
  const promised = (await payer.state(payer.list()[0]!.id)).promised;
  await relay.halt('SIGKILL');
  await relay.restart();
  const view = chain.chain();
  await expect.poll(() => view.tokenBalance(provider.address)).toBe((promised * 9n) / 10n);
  expect((await view.channel(payer.list()[0]!.id)).claimed).toBe(promised);
});
