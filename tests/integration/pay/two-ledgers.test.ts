import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSignature } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { systemRandom } from '#lib/base/random.ts';
import { toHex } from '#lib/base/bytes.ts';
import { createTransferCollector, createTransferReader, type AuthorizedTransfer } from '#lib/pay/chain/transfers.ts';
import { testUsdcAbi } from '#contracts/test-usdc.ts';
import { compareWithChains } from '../../../relay/ledger-chain.ts';
import { createCreditBook } from '../../../relay/ledger/credits.ts';
import { openDatabase, type LedgerDatabase } from '../../../relay/ledger/database.ts';
import { walletAccount } from '../../../relay/ledger/ledger.ts';
import { drawMark } from '../../../relay/ledger/mark.ts';
import { temporaryFolder } from '../../fixtures/relay-process.ts';
import { startLocalChain, type LocalChain, type Person } from './chain.fixture.ts';

/** Two relays with a ledger each that were told the same address to be paid at. */
let local: LocalChain;
let folder: string;
let payer: Person;
let payee: Person;
const books: LedgerDatabase[] = [];
beforeAll(async () => {
  [local, folder] = [await startLocalChain(), await temporaryFolder()];
  [payer, payee] = [await local.person(1_000_000n), await local.person(0n)];
  for (const name of ['a', 'b']) books.push(await openDatabase({ file: join(folder, `${name}.db`) }));
});
afterAll(async () => {
  for (const db of books) await db.destroy();
  await local?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function payment(): Promise<AuthorizedTransfer> {
  const { name, version, address } = local.entry.token;
  const message = {
    from: payer.address,
    to: payee.address,
    value: 10_000n,
    validAfter: 0n,
    validBefore: 2n ** 40n,
    nonce: `0x${toHex(systemRandom.bytes(32))}`,
  } as const;
  const word = (type: string) => (field: string) => ({ name: field, type });
  const signature = await privateKeyToAccount(payer.key).signTypedData({
    domain: { name, version, chainId: local.entry.id, verifyingContract: address },
    types: {
      TransferWithAuthorization: [
        ...['from', 'to'].map(word('address')),
        ...['value', 'validAfter', 'validBefore'].map(word('uint256')),
        word('bytes32')('nonce'),
      ],
    },
    primaryType: 'TransferWithAuthorization',
    message,
  });
  return { ...message, signature };
}
const relayOf = async (db: LedgerDatabase) => {
  const { wallet } = await local.person(0n);
  const mark = await drawMark(db, systemRandom);
  const init = { entry: local.entry, turns: createMutex(), clock: systemClock, fetch, wallet };
  return { mark, ...createTransferCollector({ ...init, ledger: async () => mark }) };
};

test('a payment that is shown to both in the same moment is credited by the one that has sent it, and found by every relay of its ledger', async () => {
  const [a, alsoA, b] = [await relayOf(books[0]!), await relayOf(books[0]!), await relayOf(books[1]!)];
  expect([a.mark === alsoA.mark, a.mark === b.mark]).toEqual([true, false]);
  const reader = createTransferReader({ entry: local.entry, fetch });
  for (let times = 0; times < 3; times++) {
    const [transfer, since, before] = [
      await payment(),
      await a.height(),
      await local.chain().tokenBalance(payee.address),
    ];
    const tries = await Promise.allSettled([a.collect(transfer, since), b.collect(transfer, since)]);
    expect((await local.chain().tokenBalance(payee.address)) - before).toBe(10_000n);
    const lost = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(lost).toMatchObject([{ code: 'authorization-used' }]);
    const [won] = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const isA = tries[0].status === 'fulfilled';
    expect(await reader.carried(won!.hash, transfer)).toEqual({ ledger: isA ? a.mark : b.mark });
    // Another relay of the same ledger, after the first was killed.
    if (isA) expect(await alsoA.collect(transfer, since)).toEqual(won);
    else await expect(alsoA.collect(transfer, since)).rejects.toMatchObject({ code: 'authorization-used' });
  }
});

test('the check of a ledger finds what another has collected', async () => {
  const [a, b] = [await relayOf(books[0]!), await relayOf(books[1]!)];
  const transfer = await payment();
  const since = await a.height();
  const { hash } = await b.collect(transfer, since);
  const id = `31337/${local.entry.token.address}/${transfer.from}/${transfer.nonce}`.toLowerCase();
  const written = JSON.stringify(transfer, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
  const findings = [];
  for (const db of books) {
    const book = createCreditBook(db, { now: () => 0 });
    await book.begin({ id, account: walletAccount(payer.address), units: 1_000_000n, transfer: written, since });
    await book.complete(id, hash);
    const [compared] = await compareWithChains({ db, rpcUrl: local.anvil.url, fetch });
    findings.push(compared!.findings);
  }
  expect(findings).toEqual([[{ subject: id, problem: expect.stringContaining('another ledger') }], []]);
});

test('one that its payer has sent counts, since nobody else has credited it', async () => {
  const a = await relayOf(books[0]!);
  const transfer = await payment();
  const since = await a.height();
  const { from, to, value, validAfter, validBefore, nonce, signature } = transfer;
  const { r, s, yParity } = parseSignature(signature);
  const hash = await local.clients.sender.writeContract({
    address: local.entry.token.address,
    abi: testUsdcAbi,
    functionName: 'transferWithAuthorization',
    args: [from, to, value, validAfter, validBefore, nonce, 27 + yParity, r, s],
    account: privateKeyToAccount(payer.key),
  });
  await local.clients.reader.waitForTransactionReceipt({ hash });
  expect(await a.collect(transfer, since)).toEqual({ hash });
});

test('the check of a ledger finds a metered answer that was not collected, or for another sum', async () => {
  const pays = async (value: bigint) => {
    const hash = await local.clients.sender.writeContract({
      address: local.entry.token.address,
      abi: testUsdcAbi,
      functionName: 'transfer',
      args: [payee.address, value],
      account: privateKeyToAccount(payer.key),
    });
    await local.clients.reader.waitForTransactionReceipt({ hash });
    return hash;
  };
  const [db] = books as [LedgerDatabase];
  const [hash, other] = [await pays(7n), await pays(9n)];
  const permit = JSON.stringify({
    from: payer.address,
    to: payee.address,
    amount: '20',
    nonce: '1',
    deadline: '2',
    validAfter: '0',
  });
  const nothing = { permit, job: null, state: 'paid', since: 0n } as const;
  await db
    .insertInto('permits')
    .values([
      { ...nothing, id: '31337/good', at: 4n, units: 700n, hash },
      { ...nothing, id: '31337/twice', at: 3n, units: 700n, hash },
      { ...nothing, id: '31337/less', at: 2n, units: 800n, hash: other },
      { ...nothing, id: '31337/never', at: 1n, units: 700n, hash: `0x${'5a'.repeat(32)}` },
    ])
    .execute();
  const [compared] = await compareWithChains({ db, rpcUrl: local.anvil.url, fetch });
  expect(compared).toMatchObject({ metered: 4, collected: 700n });
  const found = compared!.findings.filter(({ problem }) => problem.startsWith('was booked as collected'));
  expect(found.map(({ subject }) => subject)).toEqual(['31337/twice', '31337/less', '31337/never']);
});
