import {
  encodeAbiParameters,
  encodeFunctionData,
  keccak256,
  numberToHex,
  parseSignature,
  zeroAddress,
  type Address,
  type Hex,
} from 'viem';
import { privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts';
import { channelsAbi } from '../../contracts/generated/channels.ts';
import { testUsdcAbi } from '../../contracts/generated/test-usdc.ts';
import { channelsDomain, channelsTypes, tokenTypes } from '../../contracts/generated/typed-data.ts';
import { startAnvil } from '../../relay/chain/anvil.ts';
import { testToken } from './chains.ts';
import { deployLocal, localAccount, localClients, type LocalClients, type LocalContracts } from './local.ts';

type Channel = {
  readonly payer: Address;
  readonly payerSigner: Address;
  readonly provider: Address;
  readonly providerSigner: Address;
  readonly token: Address;
  readonly delay: number;
  readonly deadline: number;
  readonly salt: Hex;
};

/** What a case needs. `send` returns the gas used by the whole transaction, including the base 21,000. */
type Bench = LocalClients & {
  readonly contracts: LocalContracts;
  readonly send: (to: Address, data: Hex) => Promise<number>;
};

const payer = localAccount(0);
/**
 * Every channel has its own session key, as a provider's customers would, so that no batch benefits from a warm
 * address.
 */
const sessions = new Map<Address, PrivateKeyAccount>();
const provider = localAccount(2);
const providerSession = localAccount(3);
const treasury = localAccount(9).address;
const sponsor = localAccount(5).address;
const deposit = 10_000_000n;
/** The case that must fit into one transaction, whatever the signers do. */
export const dearestBatch = 'claim, batch of 100, every signer a wallet at its dearest, in all';
/** A contract wallet that burns all but the last of its gas, and then accepts. */
const dearWallet: Hex = '0x5b5a612710105f57631626ba7e60e01b5f5260205ff3';
/** Far in the future so that it is always valid, and constant so that calldata is too. */
const never = 4_102_444_800;

/** Runs all cases in sequence on one chain. @returns gas by case. */
export async function measureGas(): Promise<Record<string, number>> {
  const anvil = await startAnvil();
  try {
    const clients = localClients(anvil.url);
    const contracts = await deployLocal(clients);
    const send = async (to: Address, data: Hex) => {
      const hash = await clients.sender.sendTransaction({ to, data, gas: 1n << 24n });
      const { status, gasUsed } = await clients.reader.waitForTransactionReceipt({ hash });
      if (status !== 'success') throw new Error(`a gas case reverted: ${hash}`);
      return Number(gasUsed);
    };
    return await cases({ ...clients, contracts, send });
  } finally {
    await anvil.stop();
  }
}

async function cases(bench: Bench): Promise<Record<string, number>> {
  const { contracts, send } = bench;
  const token = (data: Hex) => send(contracts.token, data);
  const channels = (data: Hex) => send(contracts.channels, data);
  const claim = async (list: readonly Channel[], amount: bigint) =>
    channels(
      encodeFunctionData({ abi: channelsAbi, functionName: 'claim', args: [await claimsOf(bench, list, amount)] }),
    );
  const settle = (payee: Address) =>
    channels(encodeFunctionData({ abi: channelsAbi, functionName: 'settle', args: [contracts.token, payee] }));
  const gas: Record<string, number> = {};

  await token(encodeFunctionData({ abi: testUsdcAbi, functionName: 'mint', args: [payer.address, deposit * 1000n] }));
  await token(
    encodeFunctionData({ abi: testUsdcAbi, functionName: 'approve', args: [contracts.channels, deposit * 500n] }),
  );
  // An unrelated first deposit, so that no case pays for the contract's first token balance.
  await open(bench, channelAt(contracts, 0));

  const single = channelAt(contracts, 1);
  gas['open by approval'] = await open(bench, single);
  gas['open by authorization (EIP-3009)'] = await openByAuthorization(bench, channelAt(contracts, 2));
  gas['open by authorization, sponsored'] = await openByAuthorization(bench, channelAt(contracts, 3), 50_000n);
  gas['top up by approval'] = await channels(
    encodeFunctionData({ abi: channelsAbi, functionName: 'topUp', args: [single, deposit] }),
  );
  gas['claim, single, first ever'] = await claim([single], 100_000n);
  gas['claim, single, steady'] = await claim([single], 200_000n);
  gas['claim, single, stale'] = await claim([single], 200_000n);

  for (const size of [10, 25, 100]) {
    const batch = Array.from({ length: size }, (_, index) => channelAt(contracts, size * 1000 + index));
    for (const channel of batch) await open(bench, channel);
    gas[`claim, batch of ${size}, first, a channel`] = Math.round((await claim(batch, 100_000n)) / size);
    gas[`claim, batch of ${size}, steady, a channel`] = Math.round((await claim(batch, 212_345n)) / size);
    if (size === 25) gas['claimFor, batch of 25, steady, a channel'] = await claimForOrder(bench, batch);
  }

  gas[dearestBatch] = await claimOfDearWallets(bench);
  gas['settle provider, first'] = await settle(provider.address);
  await claim([single], 300_000n);
  gas['settle provider, steady'] = await settle(provider.address);
  await claim([single], 350_000n);
  gas['settle provider, sponsored'] = await settleSponsored(bench);
  gas['settle treasury, first'] = await settle(treasury);
  gas['settle, nothing owed'] = await settle(treasury);
  gas['close'] = await close(bench, single);
  const leaving = channelAt(contracts, 2);
  gas['announce withdrawal'] = await channels(
    encodeFunctionData({ abi: channelsAbi, functionName: 'announceWithdrawal', args: [leaving] }),
  );
  const sponsored = channelAt(contracts, 3);
  gas['announce withdrawal, sponsored'] = await announceSponsored(bench, sponsored);
  await bench.clock.increaseTime({ seconds: leaving.delay });
  gas['withdraw, sponsored'] = await channels(
    encodeFunctionData({ abi: channelsAbi, functionName: 'withdraw', args: [sponsored] }),
  );
  gas['withdraw'] = await channels(encodeFunctionData({ abi: channelsAbi, functionName: 'withdraw', args: [leaving] }));
  gas['x402 exact, first payment to a payee'] = await exact(bench, 1);
  gas['x402 exact, steady'] = await exact(bench, 2);
  return gas;
}

/** What a job costs in all: its channel is opened with one signature, pays so many jobs, is claimed once and paid out once. */
export function gasOfJob(
  gas: Readonly<Record<string, number>>,
  jobs: number,
): Record<'alone' | 'batch' | 'exact', number> {
  const of = (name: string) => gas[name] ?? Infinity;
  const opened = of('open by authorization (EIP-3009)');
  const alone = opened + of('claim, single, steady') + of('settle provider, steady');
  const batch = opened + of('claim, batch of 25, steady, a channel') + of('settle provider, steady') / 25;
  const exactly = of('x402 exact, steady');
  return { alone: Math.round(alone / jobs), batch: Math.round(batch / jobs), exact: exactly };
}

/** What a facilitator of x402's scheme `exact` sends for each payment of an ordinary key: one EIP-3009 transfer. */
async function exact({ contracts, send }: Bench, index: number): Promise<number> {
  const message = {
    from: payer.address,
    to: localAccount(7).address,
    value: 10_000n,
    validAfter: 0n,
    validBefore: BigInt(never),
    nonce: keccak256(numberToHex(index + 2_000_000)),
  };
  const signature = await payer.signTypedData({
    domain: { name: testToken.name, version: testToken.version, chainId: 31337, verifyingContract: contracts.token },
    types: { TransferWithAuthorization: tokenTypes.ReceiveWithAuthorization },
    primaryType: 'TransferWithAuthorization',
    message,
  });
  const { r, s, yParity } = parseSignature(signature);
  const { from, to, value, validAfter, validBefore, nonce } = message;
  const args = [from, to, value, validAfter, validBefore, nonce, 27 + yParity, r, s] as const;
  const data = encodeFunctionData({ abi: testUsdcAbi, functionName: 'transferWithAuthorization', args });
  return send(contracts.token, data);
}

/** A session channel with its own session key and salt. */
function channelAt(contracts: LocalContracts, index: number): Channel {
  const session = privateKeyToAccount(keccak256(numberToHex(index + 1_000_000)));
  sessions.set(session.address, session);
  return {
    payer: payer.address,
    payerSigner: session.address,
    provider: provider.address,
    providerSigner: providerSession.address,
    token: contracts.token,
    delay: 86_400,
    deadline: 0,
    // A realistic salt: random, and therefore expensive in calldata.
    salt: keccak256(numberToHex(index)),
  };
}

const channelComponents = channelsAbi.find(
  (entry): entry is Extract<(typeof channelsAbi)[number], { name: 'channelId' }> =>
    'name' in entry && entry.name === 'channelId',
)!.inputs;

const idOf = (channel: Channel): Hex => keccak256(encodeAbiParameters(channelComponents, [channel]));

const domainOf = ({ contracts }: Bench) => ({
  ...channelsDomain,
  chainId: 31337,
  verifyingContract: contracts.channels,
});

async function claimsOf(bench: Bench, list: readonly Channel[], cumulativeAmount: bigint) {
  return Promise.all(
    list.map(async (channel) => ({
      channel,
      cumulativeAmount,
      signature: await voucherOf(bench, channel, cumulativeAmount),
    })),
  );
}

const voucherOf = (bench: Bench, channel: Channel, cumulativeAmount: bigint): Promise<Hex> =>
  sessions.get(channel.payerSigner)!.signTypedData({
    domain: domainOf(bench),
    types: channelsTypes,
    primaryType: 'Voucher',
    message: { channelId: idOf(channel), cumulativeAmount },
  });

const open = ({ contracts, send }: Bench, channel: Channel) =>
  send(contracts.channels, encodeFunctionData({ abi: channelsAbi, functionName: 'open', args: [channel, deposit] }));

async function openByAuthorization({ contracts, send }: Bench, channel: Channel, fee = 0n): Promise<number> {
  const sponsorship = { sponsor: fee === 0n ? zeroAddress : sponsor, fee };
  const saltOfAuthorization = keccak256('0x01');
  const nonce = keccak256(
    encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'bytes32' }, { type: 'address' }, { type: 'uint96' }],
      [idOf(channel), saltOfAuthorization, sponsorship.sponsor, sponsorship.fee],
    ),
  );
  const signature = await payer.signTypedData({
    domain: { name: testToken.name, version: testToken.version, chainId: 31337, verifyingContract: contracts.token },
    types: tokenTypes,
    primaryType: 'ReceiveWithAuthorization',
    message: {
      from: payer.address,
      to: contracts.channels,
      value: deposit,
      validAfter: 0n,
      validBefore: BigInt(never),
      nonce,
    },
  });
  const authorization = { validAfter: 0n, validBefore: BigInt(never), salt: saltOfAuthorization, signature };
  return send(
    contracts.channels,
    encodeFunctionData({
      abi: channelsAbi,
      functionName: 'openWithAuthorization',
      args: [channel, deposit, sponsorship, authorization],
    }),
  );
}

async function claimOfDearWallets(bench: Bench): Promise<number> {
  const batch = Array.from({ length: 100 }, (_, index) => channelAt(bench.contracts, 500_000 + index));
  for (const channel of batch) {
    await bench.clock.setCode({ address: channel.payerSigner, bytecode: dearWallet });
    await open(bench, channel);
  }
  const signature: Hex = `0x${'11'.repeat(65)}`;
  const claims = batch.map((channel) => ({ channel, cumulativeAmount: 100_000n, signature }));
  return bench.send(
    bench.contracts.channels,
    encodeFunctionData({ abi: channelsAbi, functionName: 'claim', args: [claims] }),
  );
}

async function claimForOrder(bench: Bench, batch: readonly Channel[]): Promise<number> {
  const cumulativeAmount = 323_456n;
  const claims = await claimsOf(bench, batch, cumulativeAmount);
  const claimsHash = keccak256(
    encodeAbiParameters(
      claims.flatMap(() => [{ type: 'bytes32' }, { type: 'uint128' }]),
      claims.flatMap(({ channel }) => [idOf(channel), cumulativeAmount]),
    ),
  );
  const order = {
    providerSigner: providerSession.address,
    relay: '0x0000000000000000000000000000000000000000',
    feePerClaim: 500n,
    validBefore: never,
    claimsHash,
  } as const;
  const signature = await providerSession.signTypedData({
    domain: domainOf(bench),
    types: channelsTypes,
    primaryType: 'ClaimOrder',
    message: order,
  });
  const data = encodeFunctionData({ abi: channelsAbi, functionName: 'claimFor', args: [claims, order, signature] });
  return Math.round((await bench.send(bench.contracts.channels, data)) / batch.length);
}

async function settleSponsored(bench: Bench): Promise<number> {
  const order = {
    payee: provider.address,
    token: bench.contracts.token,
    sponsor,
    fee: 500n,
    payeeMin: 1n,
    validBefore: never,
    nonce: 0n,
  } as const;
  const signature = await provider.signTypedData({
    domain: domainOf(bench),
    types: channelsTypes,
    primaryType: 'SettleOrder',
    message: order,
  });
  return bench.send(
    bench.contracts.channels,
    encodeFunctionData({ abi: channelsAbi, functionName: 'settleFor', args: [order, signature] }),
  );
}

async function announceSponsored(bench: Bench, channel: Channel): Promise<number> {
  const sponsorship = { sponsor, fee: 50_000n };
  const signature = await sessions.get(channel.payerSigner)!.signTypedData({
    domain: domainOf(bench),
    types: channelsTypes,
    primaryType: 'Withdrawal',
    message: { channelId: idOf(channel), ...sponsorship },
  });
  return bench.send(
    bench.contracts.channels,
    encodeFunctionData({
      abi: channelsAbi,
      functionName: 'announceWithdrawalFor',
      args: [channel, sponsorship, signature],
    }),
  );
}

async function close(bench: Bench, channel: Channel): Promise<number> {
  const finalAmount = 400_000n;
  const providerSignature = await providerSession.signTypedData({
    domain: domainOf(bench),
    types: channelsTypes,
    primaryType: 'Close',
    message: { channelId: idOf(channel), finalAmount },
  });
  const args = [channel, finalAmount, await voucherOf(bench, channel, finalAmount), providerSignature] as const;
  return bench.send(bench.contracts.channels, encodeFunctionData({ abi: channelsAbi, functionName: 'close', args }));
}
