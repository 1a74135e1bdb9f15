import { expect, test } from 'vitest';
import type { TabloomError } from '#lib/base/errors.ts';
import { createRpcDoor } from './rpc.ts';

const rpcUrl = 'https://rpc.example/v2/secret-key';
const request = { id: 'mine', method: 'eth_blockNumber', params: [] };

function door(answer: (asked: { readonly url: string; readonly body: unknown }) => Promise<Response> | Response) {
  const asked: { readonly url: string; readonly body: unknown }[] = [];
  const rpc = createRpcDoor({
    rpcUrl,
    fetch: (async (url: string, init: RequestInit) => {
      asked.push({ url, body: JSON.parse(String(init.body)) });
      return answer(asked.at(-1)!);
    }) as typeof globalThis.fetch,
  });
  return { rpc, asked };
}

test('a request that reads is passed on, and answered under its own id', async () => {
  const { rpc, asked } = door(() => Response.json({ jsonrpc: '2.0', id: 1, result: '0x10', extra: 1 }));
  expect(await rpc(request)).toEqual({ jsonrpc: '2.0', id: 'mine', result: '0x10' });
  expect(asked).toEqual([{ url: rpcUrl, body: { jsonrpc: '2.0', id: 1, method: 'eth_blockNumber', params: [] } }]);
});

test("an error of the server's is the answer", async () => {
  const error = { code: 3, message: 'execution reverted', data: '0x01' };
  const { rpc } = door(() => Response.json({ jsonrpc: '2.0', id: 1, error }));
  expect(await rpc(request)).toEqual({ jsonrpc: '2.0', id: 'mine', error });
});

test.each([
  'eth_sendTransaction',
  'eth_sign',
  'eth_accounts',
  'eth_newFilter',
  'debug_traceTransaction',
  'anvil_setBalance',
  'evm_mine',
])('%s is not passed on', async (method) => {
  const { rpc, asked } = door(() => Response.json({}));
  expect(await rpc({ ...request, method })).toMatchObject({ id: 'mine', error: { code: -32_601 } });
  expect(asked).toEqual([]);
});

test.each([
  ['a page', () => new Response('<html>')],
  ['more than may be', () => new Response('"'.padEnd(5_000_000, 'a'))],
  ['nothing', () => Promise.reject(new TypeError(`connect ${rpcUrl}`))],
])('a server that answers %s is unavailable, and its address is not told', async (_, answer) => {
  const { rpc } = door(answer);
  const error = await rpc(request).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'chain-unavailable' });
  const { message, cause, details } = error as TabloomError;
  expect(JSON.stringify([message, cause, details])).not.toContain('secret-key');
});

test('only so many requests wait for the server at once', async () => {
  const gate = Promise.withResolvers<void>();
  const { rpc } = door(async () => {
    await gate.promise;
    return Response.json({ result: '0x1' });
  });
  const waiting = Array.from({ length: 64 }, () => rpc(request));
  await expect(rpc(request)).rejects.toMatchObject({ code: 'gateway-busy' });
  gate.resolve();
  expect(await Promise.all(waiting)).toHaveLength(64);
  expect(await rpc(request)).toMatchObject({ result: '0x1' });
});
