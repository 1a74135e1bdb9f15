import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { systemRandom } from '#lib/base/random.ts';
import { bond } from '#lib/pay/actions/bond.ts';
import { describeProvider } from '#lib/pay/actions/describe-provider.ts';
import { unbond } from '#lib/pay/actions/unbond.ts';
import { withdrawBond } from '#lib/pay/actions/withdraw-bond.ts';
import { formatAmount } from '#lib/pay/amount.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { signAuthorization } from '#lib/pay/deposit.ts';
import { payOut } from '#lib/pay/pay-out.ts';
import { offerKeyOf, readRegistration } from '#lib/pay/registry.ts';
import type { Chain, Hex, LocalWallet } from '#lib/pay/spec.ts';
import { createSponsorClient } from '#lib/pay/sponsor-client.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
import { installNativeCrypto } from './native-crypto.ts';
import { loadSeed } from './node/identity.ts';
import type { Printed } from './program.ts';
import type { CommandEnv } from './settings/commands.ts';

type ProviderEnv = CommandEnv<'provider status'>;

/** A provider's account and the peer that serves for it. */
interface Account {
  readonly chain: Chain;
  readonly wallet: LocalWallet;
  /** Undefined before the peer has been started with this `DATA_DIR`. */
  readonly peer: string | undefined;
  readonly money: (units: bigint) => string;
}

const bondSeconds = 3_600;
const relayTimeoutMs = 10_000;

/** `provider status`: what the chain says of the account. @throws `bad-setting`, `chain-unknown`, `chain-unavailable`. */
export async function showProvider(env: ProviderEnv): Promise<Printed> {
  const { chain, wallet, peer, money } = await openAccount(env);
  const { address } = wallet;
  const [stake, owed, coins, tokens] = [
    await chain.stake(address),
    await chain.owed(address),
    await chain.coinBalance(address),
    await chain.tokenBalance(address),
  ];
  const registration = await readRegistration(chain, { provider: address, peer: peer ?? '' }).catch(
    (error: unknown) => {
      if (error instanceof TabloomError && error.code === 'provider-mismatch') return 'of another peer';
      throw error;
    },
  );
  const since = (seconds: number) => new Date(seconds * 1_000).toISOString().slice(0, 16).replace('T', ' ');
  const lines = [
    ['account', address],
    ['chain', `${chain.entry.name} (${chain.entry.id})`],
    ['peer', peer ?? 'not started yet'],
    ['registered', registration],
    ['bonded', money(stake.bonded)],
    ...(stake.unbonding > 0n ? [['unbonding', `${money(stake.unbonding)}, from ${since(stake.unbondedAt)} UTC`]] : []),
    ['to be paid out', money(owed)],
    ['in the account', money(tokens)],
    ['coins for gas', formatAmount(coins, 18)],
  ];
  return { out: lines.map(([name, value]) => `${name!.padEnd(15)} ${value}\n`).join(''), notes: '' };
}

/** `provider register`: the account names the peer, whose offers name the account. */
export async function registerProvider(env: ProviderEnv): Promise<Printed> {
  const { chain, wallet, peer } = await openAccount(env);
  if (peer === undefined) {
    throw new TabloomError(
      'peer-key-missing',
      'No peer has been started with this DATA_DIR. Start it once, or correct it.',
    );
  }
  const price = { in: (env.EARN_IN ?? 0n).toString(), out: (env.EARN_OUT ?? 0n).toString() };
  const { hash } = await describeProvider(chain, wallet, {
    offerKey: offerKeyOf(peer),
    metadataHash: hashOf({ peer }),
    pricesHash: hashOf(price),
  });
  return done(hash, `${wallet.address} names ${peer}.`);
}

/** `provider bond`. */
export async function bondProvider(env: CommandEnv<'provider bond'>): Promise<Printed> {
  const { chain, wallet, money } = await openAccount(env);
  const { address: provider } = wallet;
  const amount = env.BOND_AMOUNT;
  const { timestamp } = await chain.head();
  const deposit = await signAuthorization(
    { chain, wallet, random: systemRandom },
    { subject: provider, to: chain.entry.contracts.providers, amount, validBefore: timestamp + bondSeconds },
  );
  const { hash } = await bond(chain, wallet, { provider, amount, deposit });
  return done(hash, `${money(amount)} are bonded for ${provider}.`);
}

/** `provider unbond`: it can be withdrawn 21 days later. */
export async function unbondProvider(env: CommandEnv<'provider unbond'>): Promise<Printed> {
  const { chain, wallet, money } = await openAccount(env);
  const { hash, withdrawableAt } = await unbond(chain, wallet, env.BOND_AMOUNT);
  const day = new Date(withdrawableAt * 1_000).toISOString().slice(0, 10);
  return done(hash, `${money(env.BOND_AMOUNT)} can be withdrawn from ${day} on, with "provider withdraw".`);
}

/** `provider withdraw`: what has finished unbonding. */
export async function withdrawProvider(env: ProviderEnv): Promise<Printed> {
  const { chain, wallet, money } = await openAccount(env);
  const { hash, amount } = await withdrawBond(chain, wallet, wallet.address);
  return done(hash, `${money(amount)} are back in ${wallet.address}.`);
}

/** `provider payout`: what was earned and claimed. */
export async function payProvider(env: CommandEnv<'provider payout'>): Promise<Printed> {
  const { chain, wallet, money } = await openAccount(env);
  const relay = env.SPONSOR_RELAY;
  const paid = await payOut(chain, wallet, relay === undefined ? wallet : await sponsorOf(relay, chain));
  if (paid === null) return { out: '', notes: 'Nothing is owed.\n' };
  return done(paid.hash, `${money(paid.amount)} are in ${wallet.address}.`);
}

async function openAccount(env: ProviderEnv): Promise<Account> {
  installNativeCrypto();
  const { EARN_KEY: key, EARN_CHAIN, CHAIN_RPC_URL: rpcUrl, DATA_DIR } = env;
  if (key === undefined) throw new TabloomError('bad-setting', 'Set EARN_KEY, the key of the account that is paid.');
  const entry = deployedChain(EARN_CHAIN);
  const { symbol, decimals } = entry.token;
  // Of `provide`, or of a relay's own models.
  const file = ['provide.key', 'native.key'].find((name) => existsSync(join(DATA_DIR, name)));
  return {
    chain: createChain({ clock: systemClock, fetch }, { entry, ...(rpcUrl === undefined ? {} : { rpcUrl }) }),
    wallet: localWallet(key),
    peer: file && createSigner(await loadSeed(DATA_DIR, file)).peer,
    money: (units) => `${formatAmount(units, decimals, 2)} ${symbol}`,
  };
}

/** @throws `relay-unavailable` where it sends nothing for others. */
async function sponsorOf(relay: URL, chain: Chain) {
  const missing = (cause?: unknown) =>
    new TabloomError('relay-unavailable', `${relay.origin} sends nothing for others, or does not answer.`, { cause });
  const info = await fetch(new URL('/relay.json', relay), { signal: AbortSignal.timeout(relayTimeoutMs) })
    .then(async (response) => relayInfoSchema.parse(await response.json()))
    .catch((cause: unknown) => {
      throw missing(cause);
    });
  if (info.payments?.sponsor === undefined) throw missing();
  return createSponsorClient({ url: new URL(info.payments.sponsor, relay), fetch, chain });
}

/** SHA-256 of its JSON, members in alphabetical order. */
const hashOf = (members: Readonly<Record<string, string>>): Hex =>
  `0x${createHash('sha256')
    .update(JSON.stringify(members, Object.keys(members).toSorted()))
    .digest('hex')}`;

const done = (hash: Hex, notes: string): Printed => ({ out: `${hash}\n`, notes: `${notes}\n` });
