import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  encodeAbiParameters,
  getAbiItem,
  keccak256,
  numberToHex,
  parseEventLogs,
  zeroAddress,
  type Address,
  type Hex,
  type TypedData,
  type TypedDataDomain,
} from 'viem';
import { channelsAbi } from '../../contracts/generated/channels.ts';
import { testUsdcAbi } from '../../contracts/generated/test-usdc.ts';
import { channelsDomain, channelsTypes, tokenTypes } from '../../contracts/generated/typed-data.ts';
import { closings, refusals } from '../../contracts/generated/words.ts';
import { startAnvil, type Anvil } from '../../relay/chain/anvil.ts';
import { testToken } from './chains.ts';
import { deployLocal, localAccount, localClients, type LocalClients, type LocalContracts } from './local.ts';

/**
 * The complete lifecycle of a channel from a client's perspective: keys and typed data in TypeScript, contracts in
 * Solidity.
 */

const payer = localAccount(0);
const session = localAccount(1);
const provider = localAccount(2);
const tab = localAccount(3);
const relay = localAccount(4);
const treasury = localAccount(9).address;
const deposit = 10_000_000n;

let anvil: Anvil;
let clients: LocalClients;
let contracts: LocalContracts;
let salt = 0n;

beforeAll(async () => {
  anvil = await startAnvil();
  clients = localClients(anvil.url, relay);
  contracts = await deployLocal(clients);
  await write(contracts.token, testUsdcAbi, 'mint', [payer.address, deposit * 100n]);
});
afterAll(() => anvil.stop());
beforeEach(() => {
  salt += 1n;
});

describe('a session channel', () => {
  test('deposit, a thousand vouchers, one claim, settle, withdraw: exact to the unit', async () => {
    const channel = channelOf();
    await openByAuthorization(channel);
    let signature: Hex = '0x';
    for (let amount = 1n; amount <= 1_000n; amount += 1n) signature = await voucher(channel, amount * 123n);
    const before = await balances();
    const claimed = await write(contracts.channels, channelsAbi, 'claim', [
      [{ channel, cumulativeAmount: 123_000n, signature }],
    ]);
    expect(
      parseEventLogs({ abi: channelsAbi, logs: claimed.logs }).map(({ eventName, args }) => [eventName, args]),
    ).toEqual([['Claimed', { channelId: idOf(channel), claimed: 123_000n, treasuryPart: 12_300n }]]);
    await write(contracts.channels, channelsAbi, 'settle', [contracts.token, provider.address]);
    await write(contracts.channels, channelsAbi, 'settle', [contracts.token, treasury]);
    await write(contracts.channels, channelsAbi, 'announceWithdrawalFor', [
      channel,
      unsponsored,
      await sign(session, 'Withdrawal', { channelId: idOf(channel), ...unsponsored }),
    ]);
    await clients.clock.increaseTime({ seconds: channel.delay });
    await clients.clock.mine({ blocks: 1 });
    const ended = await write(contracts.channels, channelsAbi, 'withdraw', [channel]);
    const [end] = parseEventLogs({ abi: channelsAbi, logs: ended.logs, eventName: 'ChannelClosed' });
    expect(closings[end!.args.closing]).toBe('withdrawn');
    const after = await balances();
    expect(after).toEqual({
      payer: before.payer + deposit - 123_000n,
      provider: before.provider + 110_700n,
      treasury: before.treasury + 12_300n,
      channels: before.channels - deposit,
    });
  });

  test('one bad voucher in a batch is reported and the others are credited', async () => {
    const channel = channelOf();
    await openByAuthorization(channel);
    const good = { channel, cumulativeAmount: 5n, signature: await voucher(channel, 5n) };
    const forged = { channel, cumulativeAmount: 9n, signature: good.signature };
    const missing = { ...good, channel: { ...channel, salt: numberToHex(0, { size: 32 }) } };
    const receipt = await write(contracts.channels, channelsAbi, 'claim', [[forged, missing, good, good]]);
    const skipped = parseEventLogs({ abi: channelsAbi, logs: receipt.logs, eventName: 'ClaimSkipped' });
    expect(skipped.map(({ args }) => refusals[args.refusal])).toEqual(['bad-signature', 'channel-missing', 'stale']);
    await expect(stateOf(channel)).resolves.toMatchObject({ claimed: 5n });
  });

  test('a relay claims for an offline tab and is paid', async () => {
    const channel = channelOf();
    await openByAuthorization(channel);
    const cumulativeAmount = 10_000n;
    const claims = [{ channel, cumulativeAmount, signature: await voucher(channel, cumulativeAmount) }];
    const order = {
      providerSigner: tab.address,
      relay: relay.address,
      feePerClaim: 250n,
      validBefore: 4_102_444_800,
      claimsHash: keccak256(
        encodeAbiParameters([{ type: 'bytes32' }, { type: 'uint128' }], [idOf(channel), cumulativeAmount]),
      ),
    };
    const args = [claims, order, await sign(tab, 'ClaimOrder', order)];
    const receipt = await write(contracts.channels, channelsAbi, 'claimFor', args);
    const [paid] = parseEventLogs({ abi: channelsAbi, logs: receipt.logs, eventName: 'RelayPaid' });
    expect(paid?.args).toEqual({
      relay: relay.address,
      provider: provider.address,
      token: contracts.token,
      amount: 250n,
    });
  });

  test('both sides agree to close at once', async () => {
    const channel = channelOf();
    await openByAuthorization(channel);
    const before = await balances();
    const finalAmount = 1_001n;
    const agreed = await sign(tab, 'Close', { channelId: idOf(channel), finalAmount });
    await write(contracts.channels, channelsAbi, 'close', [
      channel,
      finalAmount,
      await voucher(channel, finalAmount),
      agreed,
    ]);
    expect((await balances()).payer).toBe(before.payer + deposit - finalAmount);
  });
});

describe('a job', () => {
  test('is paid or refunded depending on the time', async () => {
    const { timestamp } = await clients.reader.getBlock();
    const job = { ...channelOf(), delay: 0, deadline: Number(timestamp) + 600 };
    await openByAuthorization(job);
    await expect(write(contracts.channels, channelsAbi, 'refund', [job])).rejects.toThrow('TooEarly');
    await clients.clock.setNextBlockTimestamp({ timestamp: BigInt(job.deadline) + 1n });
    await clients.clock.mine({ blocks: 1 });
    const receipt = await write(contracts.channels, channelsAbi, 'refund', [job]);
    const [end] = parseEventLogs({ abi: channelsAbi, logs: receipt.logs, eventName: 'ChannelClosed' });
    expect([closings[end!.args.closing], end!.args.returned]).toEqual(['job-refunded', deposit]);
  });
});

describe('replay', () => {
  test('a voucher for another chain or contract is refused', async () => {
    const channel = channelOf();
    await openByAuthorization(channel);
    const message = { channelId: idOf(channel), cumulativeAmount: 7n };
    const domains: TypedDataDomain[] = [
      { ...channelsDomain, chainId: 8453, verifyingContract: contracts.channels },
      { ...channelsDomain, chainId: 31337, verifyingContract: contracts.disputes },
      { ...channelsDomain, name: 'Tabloom Disputes', chainId: 31337, verifyingContract: contracts.channels },
    ];
    for (const domain of domains) {
      const signature = await session.signTypedData({ domain, types: channelsTypes, primaryType: 'Voucher', message });
      const receipt = await write(contracts.channels, channelsAbi, 'claim', [
        [{ channel, cumulativeAmount: 7n, signature }],
      ]);
      const [skipped] = parseEventLogs({ abi: channelsAbi, logs: receipt.logs, eventName: 'ClaimSkipped' });
      expect(refusals[skipped!.args.refusal]).toBe('bad-signature');
    }
    await expect(stateOf(channel)).resolves.toMatchObject({ claimed: 0n });
  });
});

function channelOf() {
  return {
    payer: payer.address,
    payerSigner: session.address,
    provider: provider.address,
    providerSigner: tab.address,
    token: contracts.token,
    delay: 86_400,
    deadline: 0,
    salt: keccak256(numberToHex(salt)),
  };
}

type Channel = ReturnType<typeof channelOf>;

function idOf(channel: Channel): Hex {
  return keccak256(encodeAbiParameters(getAbiItem({ abi: channelsAbi, name: 'channelId' }).inputs, [channel]));
}

type Message = keyof typeof channelsTypes;

function sign(account: typeof session, primaryType: Message, message: Record<string, unknown>): Promise<Hex> {
  const domain = { ...channelsDomain, chainId: 31337, verifyingContract: contracts.channels };
  // Treated as generic typed data: the contract determines which message belongs to which name.
  const types: TypedData = channelsTypes;
  return account.signTypedData({ domain, types, primaryType, message });
}

const voucher = (channel: Channel, cumulativeAmount: bigint) =>
  sign(session, 'Voucher', { channelId: idOf(channel), cumulativeAmount });

const unsponsored = { sponsor: zeroAddress, fee: 0n } as const;

/** The payer signs once and sends nothing; the relay submits it. */
async function openByAuthorization(channel: Channel): Promise<void> {
  const authorizationSalt = keccak256('0x07');
  const nonce = keccak256(
    encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'bytes32' }, { type: 'address' }, { type: 'uint96' }],
      [idOf(channel), authorizationSalt, unsponsored.sponsor, unsponsored.fee],
    ),
  );
  const times = { validAfter: 0n, validBefore: 4_102_444_800n };
  const signature = await payer.signTypedData({
    domain: { name: testToken.name, version: testToken.version, chainId: 31337, verifyingContract: contracts.token },
    types: tokenTypes,
    primaryType: 'ReceiveWithAuthorization',
    message: { from: payer.address, to: contracts.channels, value: deposit, ...times, nonce },
  });
  await write(contracts.channels, channelsAbi, 'openWithAuthorization', [
    channel,
    deposit,
    unsponsored,
    { ...times, salt: authorizationSalt, signature },
  ]);
}

async function write(
  address: Address,
  abi: typeof channelsAbi | typeof testUsdcAbi,
  functionName: string,
  args: readonly unknown[],
) {
  const call = { address, abi, functionName, args, account: relay } as Parameters<
    LocalClients['reader']['simulateContract']
  >[0];
  const { request } = await clients.reader.simulateContract(call);
  const hash = await clients.sender.writeContract(request as Parameters<LocalClients['sender']['writeContract']>[0]);
  const receipt = await clients.reader.waitForTransactionReceipt({ hash });
  expect(receipt.status).toBe('success');
  return receipt;
}

const stateOf = (channel: Channel) =>
  clients.reader.readContract({
    address: contracts.channels,
    abi: channelsAbi,
    functionName: 'stateOf',
    args: [idOf(channel)],
  });

async function balances() {
  const of = (account: Address) =>
    clients.reader.readContract({
      address: contracts.token,
      abi: testUsdcAbi,
      functionName: 'balanceOf',
      args: [account],
    });
  return {
    payer: await of(payer.address),
    provider: await of(provider.address),
    treasury: await of(treasury),
    channels: await of(contracts.channels),
  };
}
