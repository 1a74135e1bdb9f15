import { z } from 'zod';
import { anySignal, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { readBody, type Fetch } from '#lib/base/read-json.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { Block, Blocks } from './block-beacon.ts';

const answerMs = 5_000;
/** A block names its transactions. */
const answerBytesMax = 2 * 1024 * 1024;

const quantity = z
  .string()
  .regex(/^0x[0-9a-f]{1,13}$/i)
  .transform(Number);
const chainSchema = z.object({ result: quantity });
const blockSchema = z.object({
  result: z.object({
    number: quantity,
    hash: z
      .string()
      .regex(/^0x[0-9a-f]{64}$/i)
      .transform((text) => text.toLowerCase()),
    timestamp: quantity,
  }),
});

/**
 * A JSON-RPC server of a chain, asked for nothing but blocks. Undefined where it is one of another chain, says something else, or does not answer. What it
 * says is believed, since nothing in a block proves that others have it. Its address may hold a key, and is in no error.
 */
export function blockServer(
  chain: number,
  address: string | URL,
  { fetch, clock }: { readonly fetch: Fetch; readonly clock: Clock },
): Blocks {
  let isOfChain = false;
  const ask = async <Result>(
    method: string,
    params: readonly unknown[],
    schema: z.ZodType<{ readonly result: Result }>,
    { signal }: AbortOptions,
  ): Promise<Result | undefined> => {
    const ended = new AbortController();
    try {
      const response = fetch(new URL(address), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        redirect: 'error',
        signal: anySignal([signal, ended.signal]),
      });
      const reading = response.then((answer) => (answer.ok ? readBody(answer, answerBytesMax) : undefined));
      return schema.parse(await withTimeout(reading, clock, answerMs, { signal })).result;
    } catch {
      return undefined;
    } finally {
      ended.abort();
    }
  };
  const block = async (which: string, options: AbortOptions): Promise<Block | undefined> => {
    isOfChain ||= (await ask('eth_chainId', [], chainSchema, options)) === chain;
    return isOfChain ? ask('eth_getBlockByNumber', [which, false], blockSchema, options) : undefined;
  };
  return {
    head: (options = {}) => block('latest', options),
    async at(number, options = {}) {
      const found = await block(`0x${number.toString(16)}`, options);
      return found?.number === number ? found : undefined;
    },
  };
}
