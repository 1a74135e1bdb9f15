import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { claim } from '#lib/pay/actions/claim.ts';
import type { Chain } from '#lib/pay/spec.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import type { Printed } from '../../../relay/program.ts';
import {
  bondProvider,
  payProvider,
  registerProvider,
  showProvider,
  unbondProvider,
  withdrawProvider,
} from '../../../relay/provider.ts';
import { readEnv, type Variables } from '../../../relay/settings/read-env.ts';
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

const settings = (more: Readonly<Record<string, string>>) => ({
  EARN_KEY: provider.key,
  EARN_CHAIN: '31337',
  CHAIN_RPC_URL: local.anvil.url,
  DATA_DIR: folder,
  ...more,
});

const run = {
  status: (given) => showProvider(readEnv('provider status', given)),
  register: (given) => registerProvider(readEnv('provider register', given)),
  bond: (given) => bondProvider(readEnv('provider bond', given)),
  unbond: (given) => unbondProvider(readEnv('provider unbond', given)),
  withdraw: (given) => withdrawProvider(readEnv('provider withdraw', given)),
  payout: (given) => payProvider(readEnv('provider payout', given)),
} satisfies Record<string, (given: Variables) => Promise<Printed>>;

/** What a command prints, or its code. In this process: each start would take seconds. */
async function command(name: keyof typeof run, more: Readonly<Record<string, string>> = {}): Promise<string> {
  try {
    const { out, notes } = await run[name](settings(more));
    return out + notes;
  } catch (error) {
    return errorCode(error);
  }
}

test('an account names its peer, is bonded and listed, and takes its bond back', async () => {
  const before = await runRelay(['provider', 'status'], settings({}));
  expect(before).toEqual({ code: 0, text: expect.stringMatching(/registered +unregistered\nbonded +0\.00 tUSDC/) });
  expect(await command('register', { DATA_DIR: await temporaryFolder() })).toBe('peer-key-missing');
  expect(await command('register')).toMatch(/^0x[0-9a-f]{64}\n.* names 12D3/);
  expect(await command('status')).toMatch(/registered +described\n/);
  await command('bond', { BOND_AMOUNT: '50' });
  expect(await command('status')).toMatch(/registered +listed\nbonded +50\.00 tUSDC/);
  expect(await command('unbond', { BOND_AMOUNT: '51' })).toBe('stake-too-small');
  expect(await command('unbond', { BOND_AMOUNT: '50' })).toMatch(/can be withdrawn from/);
  expect(await command('withdraw')).toBe('unbonding-not-over');
  await local.moveTo((await chain.stake(provider.address)).unbondedAt);
  expect(await command('withdraw')).toMatch(/50\.00 tUSDC are back/);
  expect(await chain.tokenBalance(provider.address)).toBe(200_000_000n);
});

test('what it earned is paid out through a relay that sends for it, without gas', async () => {
  const payer = await local.person(2_000_000n);
  const { terms } = await openSessionChannel(chain, payer, provider, 1_000_000n);
  const claims = [await claimOf(chain, payer, terms, 1_000_000n)];
  await claim({ chain, vouchers: createVoucherSigner(chain.entry) }, payer.wallet, claims);
  await local.clients.clock.setBalance({ address: provider.address, value: 0n });
  expect(await command('payout')).toBe('insufficient-gas');
  expect(await command('payout', { SPONSOR_RELAY: relay.url })).toMatch(/tUSDC are in 0x/);
  expect(await chain.owed(provider.address)).toBe(0n);
  expect(await command('payout')).toBe('Nothing is owed.\n');
});
