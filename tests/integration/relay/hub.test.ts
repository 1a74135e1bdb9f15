import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createPayer, type Payer } from '#lib/pay/payer.ts';
import { createPurse } from '#lib/pay/purse.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createSessionKey } from '#lib/pay/wallet/session-key.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { initialJob, reduceJob } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { checkLedger } from '../../../relay/ledger/check.ts';
import { incomesOf } from '../../../relay/ledger/incomes.ts';
import { bookedOf } from '../../../relay/ledger/spends.ts';
import {
  startProvide,
  startRelay,
  temporaryFolder,
  type ProgramProcess,
  type RelayProcess,
} from '../../fixtures/relay-process.ts';
import { startLocalChain, type LocalChain, type Person } from '../pay/chain.fixture.ts';
import { createAsker } from './worker.ts';

/** A relay that is a hub, a provider of another process behind it, and an asker with a purse. */
let chain: LocalChain;
let folder: string;
let relay: RelayProcess;
let provider: ProgramProcess;
let [seller, earner]: readonly Person[] = [];
let payer: Payer;
let asker: Peer;
beforeAll(async () => {
  chain = await startLocalChain();
  folder = await temporaryFolder();
  const [buyer, spender] = [await chain.person(10_000_000n), await chain.person(10_000_000n)];
  [seller, earner] = [await chain.person(0n), await chain.person(0n)];
  // Here gas costs nothing, so that whatever there is is claimed.
  const shared = { CHAIN_RPC_URL: chain.anvil.url, EARN_COIN_PRICE: '0.000001' };
  relay = await startRelay({
    native: 'no-native',
    dataDir: folder,
    env: {
      ...shared,
      HUB_IN: '750',
      HUB_OUT: '1500',
      HUB_KEY: seller.key,
      SPEND_KEY: spender.key,
      SPEND_CHAIN: '31337',
      SPEND_JOB_MAX: '1',
      SPEND_IN: '500',
      SPEND_OUT: '1000',
    },
  });
  provider = await startProvide({
    relays: [relay.url],
    env: { ...shared, EARN_IN: '500', EARN_OUT: '1000', EARN_CHAIN: '31337', EARN_KEY: earner.key },
  });
  const [view, clock, storage] = [chain.chain(), systemClock, createMemoryStorage()];
  const time = createChainTime(view, clock);
  const now = await time.current();
  const made = { limit: 10_000_000n, expiresAt: now + 86_400, now };
  const key = await createSessionKey({ storage, random: systemRandom }, made);
  payer = await createPayer({ store: createVoucherStore(storage), clock, chain: view, time, key });
  const { wallet } = buyer;
  const limits = { perJobMax: 2_000_000n, perProviderMax: 5_000_000n, depositsMax: 5_000_000n };
  const purse = createPurse(
    { chains: [{ chain: view, time, payer, wallet, sender: wallet }], random: systemRandom },
    { ...limits, jobsPerDeposit: 2n, sponsorFeeMax: 0n },
  );
  asker = await createAsker(relay.url, { purse });
  await asker.start();
});
afterAll(async () => {
  await asker?.stop();
  await provider?.dispose();
  await relay?.dispose();
  await chain?.stop();
  await rm(folder, { recursive: true, force: true });
});

const hubOf = () => asker.directory.entries().find(({ offer }) => offer.models.some(({ hub }) => hub))?.offer;

test('an asker pays the hub, which pays the provider less, and all of it is claimed', async () => {
  await expect.poll(() => hubOf()?.models[0]?.price).toEqual({ in: '750000000', out: '1500000000' });
  const request = {
    kind: 'chat',
    model: { name: 'tabloom-demo' },
    input: { messages: [{ role: 'user', content: 'Tell me a story about the sea.' }] },
    params: { maxTokens: 200, temperature: 0 },
    tier: 'open',
    only: [hubOf()!.peer],
    budget: '2000000',
  } as unknown as AskRequest;
  let state = initialJob;
  for await (const event of asker.consumer.ask(request, { signal: AbortSignal.timeout(90_000) })) {
    state = reduceJob(state, event);
  }
  expect(state.error).toBeUndefined();
  expect(state.phase).toBe('finished');
  expect(state.text).not.toBe('');
  expect(state.attempts[0]?.settlement?.receiptCheck.payment).toBe(true);
  const paid = BigInt(state.cost!.total);
  expect((await payer.state(payer.list()[0]!.id)).promised).toBe(paid);

  const db = await openDatabase({ file: join(folder, 'ledger.db') });
  const passedOn = async () => [...(await bookedOf(db)).values()].reduce((sum, units) => sum + units, 0n) / 100n;
  // By the token, a provider gets two thirds of what the asker pays.
  await expect.poll(passedOn).toBe((paid * 2n) / 3n);
  const spent = await passedOn();
  // The books have both sides of it, and what is between them is the hub's.
  const earned = async () => [...(await incomesOf(db)).values()].reduce((sum, units) => sum + units, 0n) / 100n;
  await expect.poll(earned).toBe(paid);
  expect((await checkLedger(db, Date.now())).findings).toEqual([]);
  await db.destroy();

  // Both look at the chain when they start, and claim what they were promised, also after a kill.
  await Promise.all([relay.halt('SIGKILL'), provider.halt('SIGKILL')]);
  await relay.restart();
  await provider.restart();
  const view = chain.chain();
  await expect.poll(() => view.tokenBalance(seller!.address)).toBe((paid * 9n) / 10n);
  await expect.poll(() => view.tokenBalance(earner!.address)).toBe((spent * 9n) / 10n);
});
