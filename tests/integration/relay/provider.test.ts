import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claim } from '#lib/pay/actions/claim.ts';
import type { Chain } from '#lib/pay/spec.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import { runRelay, startRelay, temporaryFolder, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startLocalChain, type LocalChain, type Person } from '../pay/chain.fixture.ts';
import { claimOf, openSessionChannel } from '../pay/open-channel.fixture.ts';

/** A provider's account, from the command line and on a real chain. */
let local: LocalChain;
let chain: Chain;
let provider: Person;
let folder: string;
let relay: RelayProcess;
beforeAll(async () => {
  local = await startLocalChain();
  chain = local.chain();
  provider = await local.person(200_000_000n);
  folder = await temporaryFolder();
  const sponsor = await local.person(0n);
  relay = await startRelay({
    native: 'with-native',
    dataDir: folder,
    env: { CHAIN: local.anvil.url, SPONSOR_KEY: sponsor.key, EARN_COIN_PRICE: '1' },
  });
});
afterAll(async () => {
  await relay?.dispose();
  await local?.stop();
  await rm(folder, { recursive: true, force: true });
});

const command = (words: string, dataDir = folder) =>
  runRelay(['provider', ...words.split(' ')], {
    EARN_KEY: provider.key,
    EARN_CHAIN: '31337',
    CHAIN_RPC_URL: local.anvil.url,
    DATA_DIR: dataDir,
  });

test('an account names its peer, is bonded and listed, and takes its bond back', async () => {
  const before = await command('status');
  expect(before).toEqual({ code: 0, text: expect.stringMatching(/registered +unregistered\nbonded +0\.00 tUSDC/) });
  expect(await command('register', await temporaryFolder())).toEqual({
    code: 1,
    text: expect.stringMatching(/^peer-key-missing: /),
  });
  expect(await command('register')).toEqual({ code: 0, text: expect.stringMatching(/^0x[0-9a-f]{64}\n.* names 12D3/) });
  expect((await command('status')).text).toMatch(/registered +described\n/);
  expect((await command('bond --amount 50')).code).toBe(0);
  expect((await command('status')).text).toMatch(/registered +listed\nbonded +50\.00 tUSDC/);
  expect((await command('unbond --amount 51')).text).toMatch(/^stake-too-small: /);
  expect((await command('unbond --amount 50')).code).toBe(0);
  expect((await command('withdraw')).text).toMatch(/^unbonding-not-over: /);
  await local.moveTo((await chain.stake(provider.address)).unbondedAt);
  expect((await command('withdraw')).text).toMatch(/50\.00 tUSDC are back/);
  expect(await chain.tokenBalance(provider.address)).toBe(200_000_000n);
});

test('what it earned is paid out through a relay that sends for it, without gas', async () => {
  const payer = await local.person(2_000_000n);
  const { terms } = await openSessionChannel(chain, payer, provider, 1_000_000n);
  const claims = [await claimOf(chain, payer, terms, 1_000_000n)];
  await claim({ chain, vouchers: createVoucherSigner(chain.entry) }, payer.wallet, claims);
  await local.clients.clock.setBalance({ address: provider.address, value: 0n });
  expect((await command('payout')).text).toMatch(/^insufficient-gas: /);
  const paid = await command(`payout --sponsor ${relay.url}`);
  expect(paid).toEqual({ code: 0, text: expect.stringMatching(/tUSDC are in 0x/) });
  expect(await chain.owed(provider.address)).toBe(0n);
  expect(await command('payout')).toEqual({ code: 0, text: 'Nothing is owed.\n' });
});
