import { keccak256, type Hash, type TransactionReceipt } from 'viem';
import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { entry, walletOf } from '../pay.fixture.ts';
import type { InjectedWallet } from '../spec.ts';
import { chainLimits } from './limits.ts';
import type { RpcClient, SentTransaction } from './rpc-client.ts';
import { submit } from './submit.ts';

const call = { to: entry.contracts.channels, data: '0x12345678' } as const;
const wallet = walletOf(1);
const second = 1_000;

/** A node with scripted state and scripted responses to transactions. */
function scene() {
  const clock = manualClock();
  const sent: string[] = [];
  const world = {
    /** The next nonce. */
    nonce: 7,
    head: 10n,
    mined: new Map<Hash, bigint>(),
    known: new Map<Hash, { readonly nonce: number }>(),
    blocks: new Map<bigint, readonly SentTransaction[]>(),
    /** How the node responds to the `n`th transaction. */
    take: (() => undefined) as (n: number) => void,
  };
  const client = {
    getBalance: async () => 10n ** 18n,
    getTransactionCount: async () => world.nonce,
    getBlock: async () => ({ baseFeePerGas: 10n }),
    estimateMaxPriorityFeePerGas: async () => 1n,
    estimateGas: async () => 50_000n,
    async sendRawTransaction({ serializedTransaction }: { readonly serializedTransaction: string }) {
      sent.push(serializedTransaction);
      world.take(sent.length);
    },
  } as unknown as RpcClient['client'];
  const node: RpcClient = {
    client,
    ask: (question) => question(client),
    check: async () => undefined,
    head: async () => ({ number: world.head, hash: '0x', timestamp: 0 }),
    blockHash: async () => null,
    call: async () => '0x',
    async receipt(hash) {
      const blockNumber = world.mined.get(hash);
      if (blockNumber === undefined) return null;
      return { transactionHash: hash, blockNumber, status: 'success' } as TransactionReceipt;
    },
    async transaction(hash) {
      const known = world.known.get(hash);
      return known ? { ...known, to: null, input: '0x' } : null;
    },
    transactions: async (number) => world.blocks.get(number) ?? [],
  };
  const components = { node, entry, clock, limits: chainLimits };
  /** Advances the clock until the result is there, by at most two minutes. */
  const settled = async <T>(work: Promise<T>, at: (seconds: number) => void = () => undefined) => {
    let isOver = false;
    const outcome = work.then(
      (value) => value,
      (error: unknown) => error,
    );
    void outcome.then(() => (isOver = true));
    for (let seconds = 0; seconds < 120 && !isOver; seconds++) {
      at(seconds);
      await clock.advance(second);
    }
    return outcome;
  };
  return { world, sent, components, settled };
}

/** The hash of the `n`th transaction sent. */
const hashOf = (sent: readonly string[], n: number): Hash => keccak256(sent[n] as Hash);

test('a rejected replacement is not an error: an earlier version may still be mined', async () => {
  const { world, sent, components, settled } = scene();
  world.take = (n) => {
    if (n === 2) throw new Error('insufficient funds for gas * price + value');
  };
  const working = submit(components, wallet, call);
  const outcome = await settled(working, (seconds) => {
    if (seconds === 60) world.mined.set(hashOf(sent, 0), 10n);
  });
  expect(sent.length).toBe(2);
  expect(outcome).toMatchObject({ transactionHash: hashOf(sent, 0) });
});

test('waits when a nonce is used before the receipt is available, and sends nothing twice', async () => {
  const { world, sent, components, settled } = scene();
  const outcome = await settled(submit(components, wallet, call), (seconds) => {
    if (seconds === 1) world.nonce = 8;
    if (seconds === 25) world.mined.set(hashOf(sent, 0), 10n);
  });
  expect(sent).toHaveLength(1);
  expect(outcome).toMatchObject({ transactionHash: hashOf(sent, 0) });
});

test('a nonce lost to another transaction is given up after a timeout, and the call is restarted', async () => {
  const { world, sent, components, settled } = scene();
  const outcome = await settled(submit(components, wallet, call), (seconds) => {
    if (seconds === 1) world.nonce = 8;
    if (sent.length === 2) world.mined.set(hashOf(sent, 1), 10n);
  });
  expect(sent).toHaveLength(2);
  expect(outcome).toMatchObject({ transactionHash: hashOf(sent, 1) });
});

const [asSent, faster]: readonly Hash[] = [`0x${'aa'.repeat(32)}`, `0x${'bb'.repeat(32)}`];
const injected: InjectedWallet = {
  type: 'injected',
  address: wallet.address,
  chainId: async () => entry.id,
  signTypedData: async () => '0x',
  signMessage: async () => '0x',
  sendTransaction: async () => asSent!,
};

test.each([
  ['speeds up is recognised by its call', call.data, { transactionHash: faster }],
  ['replaces with another is given up', '0x', { code: 'transaction-replaced' }],
] as const)('a transaction that a person %s', async (_, input, expected) => {
  const { world, components, settled } = scene();
  world.known.set(asSent!, { nonce: 7 });
  const outcome = await settled(submit(components, injected, call), (seconds) => {
    if (seconds !== 5) return;
    Object.assign(world, { nonce: 8, head: 12n });
    const from = wallet.address.toLowerCase() as `0x${string}`;
    world.blocks.set(12n, [{ hash: faster!, from, nonce: 7, to: call.to, input }]);
    world.mined.set(faster!, 12n);
  });
  expect(outcome).toMatchObject(expected);
});
