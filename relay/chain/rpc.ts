import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { RpcRequest, RpcResponse } from '../gateway/payments.ts';

/** Reads, and transactions that their senders have signed. No filters, no traces, nothing of the node's own accounts. */
const passed: ReadonlySet<string> = new Set([
  'eth_blockNumber',
  'eth_call',
  'eth_chainId',
  'eth_estimateGas',
  'eth_feeHistory',
  'eth_gasPrice',
  'eth_getBalance',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getCode',
  'eth_getLogs',
  'eth_getTransactionByHash',
  'eth_getTransactionCount',
  'eth_getTransactionReceipt',
  'eth_maxPriorityFeePerGas',
  'eth_sendRawTransaction',
  'net_version',
]);

const timeoutMs = 15_000;
const answerBytesMax = 4 * 1024 * 1024;
/** Requests that wait for the server at once. */
const runningMax = 64;
const methodNotFound = -32_601;

const answerSchema = z.object({
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }).optional(),
});

/**
 * Passes JSON-RPC requests on to a chain's server, whose address stays here: it may hold a key. Answers what it does not
 * pass on with an error of JSON-RPC. @throws `chain-unavailable`, `gateway-busy`.
 */
export function createRpcDoor({
  rpcUrl,
  fetch,
}: {
  readonly rpcUrl: string;
  readonly fetch: typeof globalThis.fetch;
}): (request: RpcRequest, options?: AbortOptions) => Promise<RpcResponse> {
  let running = 0;
  return async ({ id, method, params }, { signal } = {}) => {
    const about = { jsonrpc: '2.0', id } as const;
    if (!passed.has(method)) {
      return { ...about, error: { code: methodNotFound, message: `This relay does not pass on "${method}".` } };
    }
    if (running >= runningMax) {
      throw new TabloomError('gateway-busy', 'This relay asks the chain as much as it may. Try again in a second.');
    }
    running++;
    try {
      const timeout = AbortSignal.timeout(timeoutMs);
      const response = await fetch(rpcUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
        redirect: 'error',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      const answer = answerSchema.parse(JSON.parse(await readBounded(response)));
      if (answer.error) return { ...about, error: answer.error };
      return { ...about, result: answer.result ?? null };
    } catch {
      // The cause is left out: it may quote the server's address.
      throw new TabloomError('chain-unavailable', 'The chain’s server does not respond. Try again in a minute.');
    } finally {
      running--;
    }
  };
}

async function readBounded({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > answerBytesMax) throw new Error('too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
