import { encodeFunctionData, type Hex } from 'viem';
import { bond } from '#lib/pay/actions/bond.ts';
import { createCourt } from '#lib/pay/chain/court.ts';
import type { Address, Chain, LocalWallet } from '#lib/pay/spec.ts';
import { disputesAbi } from '#contracts/disputes.ts';
import { providersAbi } from '#contracts/providers.ts';
import { courtRules } from '#contracts/words.ts';
import { localAccount } from '../../../scripts/contracts/local.ts';
import type { CourtTown } from '../../compliance/court.ts';
import type { LocalChain, Person } from './chain.fixture.ts';
import { signDeposit } from './open-channel.fixture.ts';

/** The governor of a local chain, by its number among the predefined accounts. */
const governor = 8;

/** Appoints the dispute contract, switches it on and registers validators, by notice and waiting as on any chain. */
export async function openCourt(
  local: LocalChain,
  chain: Chain,
  given: readonly LocalWallet[] = [],
): Promise<CourtTown & { readonly bond: (person: Person, units: bigint) => Promise<void> }> {
  const validators = [...given];
  if (given.length === 0) for (let at = 0; at < 7; at++) validators.push((await local.person(50_000_000n)).wallet);
  const newcomer = (await local.person(0n)).wallet;
  const { disputes, providers } = local.entry.contracts;
  const addValidator = (address: Address): Hex =>
    encodeFunctionData({ abi: disputesAbi, functionName: 'addValidator', args: [address] });
  await govern(local, disputes, [
    encodeFunctionData({ abi: disputesAbi, functionName: 'switchOn' }),
    ...validators.map(({ address }) => addValidator(address)),
  ]);
  await govern(local, providers, [
    encodeFunctionData({ abi: providersAbi, functionName: 'setDisputes', args: [disputes] }),
  ]);
  await moveOn(local, chain, courtRules.unbonding + 1);
  // Registered last: it judges nothing that these tests open.
  await govern(local, disputes, [addValidator(newcomer.address)]);
  const bondFor = async (person: Person, units: bigint) => {
    const deposit = await signDeposit(chain, person, person.address, units, providers);
    await bond(chain, person.wallet, { provider: person.address, amount: units, deposit });
  };
  return {
    bond: bondFor,
    court: createCourt(chain),
    validators,
    newcomer,
    async person(units, stake = 0n) {
      const person = await local.person(units + stake);
      if (stake > 0n) await bondFor(person, stake);
      return person.wallet;
    },
    balance: (account) => chain.tokenBalance(account),
    stake: async (provider) => (await chain.stake(provider)).bonded,
    async moveTo(seconds) {
      if (seconds > (await chain.head()).timestamp) await local.moveTo(seconds);
    },
  };
}

async function moveOn(local: LocalChain, chain: Chain, seconds: number): Promise<void> {
  await local.moveTo((await chain.head()).timestamp + seconds);
}

const notice = 7 * 86_400;

/** Announces calls of a contract to itself, waits, and carries them out. */
async function govern(local: LocalChain, address: Address, calls: readonly Hex[]): Promise<void> {
  const { sender, reader } = local.clients;
  const send = async (functionName: 'schedule' | 'execute', data: Hex, account: number) => {
    const contract = { address, abi: disputesAbi, functionName, args: [data] } as const;
    const hash = await sender.writeContract({ ...contract, account: localAccount(account) });
    const { status } = await reader.waitForTransactionReceipt({ hash });
    if (status !== 'success') throw new Error(`${functionName} failed`);
  };
  for (const data of calls) await send('schedule', data, governor);
  const { timestamp } = await reader.getBlock();
  await local.moveTo(Number(timestamp) + notice + 1);
  for (const data of calls) await send('execute', data, 0);
}
