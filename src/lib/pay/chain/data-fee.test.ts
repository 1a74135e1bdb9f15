import { expect, test } from 'vitest';
import { dataFee } from './data-fee.ts';
import type { RpcClient } from './rpc-client.ts';

const asked: unknown[] = [];
const client = {
  async readContract({ address, functionName, args }: Readonly<Record<string, unknown>>) {
    asked.push([address, functionName, args]);
    return 77n;
  },
} as unknown as RpcClient['client'];
const node = { ask: (question) => question(client) } as Pick<RpcClient, 'ask'> as RpcClient;

test('the data fee is queried on the OP stack, and is zero without a query elsewhere', async () => {
  expect(await dataFee(node, 31_337, 1_000)).toBe(0n);
  expect(asked).toEqual([]);
  expect(await dataFee(node, 8453, 1_000)).toBe(77n);
  expect(asked).toEqual([['0x420000000000000000000000000000000000000F', 'getL1FeeUpperBound', [1_000n]]]);
});
