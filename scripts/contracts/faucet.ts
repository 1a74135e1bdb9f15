import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isAddress, parseEther, type Address, type Hash } from 'viem';
import { testUsdcAbi } from '../../contracts/generated/test-usdc.ts';
import type { LocalClients, LocalContracts } from './local.ts';

/** One payout: gas money, and 1,000 test dollars in the token's smallest unit. */
export const gift = { weiAmount: parseEther('1'), tokenUnits: 1_000_000_000n } as const;

const bodyBytesMax = 1_024;
/** Visits per address, and addresses in total: test money is free, memory is not. */
const visitsMax = 20;
const visitorsMax = 10_000;

type Answer = { readonly status: number; readonly body: Readonly<Record<string, string>> };

/** `POST /` with `{ "address": "0x…" }` funds that address. For local chains on this machine only. */
export function createFaucet(clients: LocalClients, contracts: LocalContracts): Server {
  const visits = new Map<string, number>();
  // One payout at a time, since all use one account's nonce.
  let last: Promise<unknown> = Promise.resolve();
  const server = createServer((request, response) => {
    void (async () => {
      const answer = await answerTo(request).catch((): Answer => refuse(500, 'faucet-failed', 'look at the chain'));
      reply(response, answer);
    })();
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  server.maxConnections = 64;
  return server;

  async function answerTo(request: IncomingMessage): Promise<Answer> {
    if (request.method === 'OPTIONS') return { status: 204, body: {} };
    if (request.method !== 'POST') return refuse(405, 'method-not-allowed', 'POST { "address": "0x…" }');
    const address = addressIn(await read(request));
    if (!address) return refuse(400, 'bad-address', 'POST { "address": "0x…" } with a 20-byte address');
    const count = (visits.get(address) ?? 0) + 1;
    if (count > visitsMax || visits.size >= visitorsMax) return refuse(429, 'faucet-dry', 'restart the local chain');
    visits.set(address, count);
    const giving = last.then(() => give(address));
    last = giving.catch(() => undefined);
    const [gas, tokens] = await giving;
    return { status: 200, body: { gas, tokens } };
  }

  async function give(address: Address): Promise<readonly [Hash, Hash]> {
    const { sender, reader } = clients;
    const gas = await sender.sendTransaction({ to: address, value: gift.weiAmount });
    const tokens = await sender.writeContract({
      address: contracts.token,
      abi: testUsdcAbi,
      functionName: 'mint',
      args: [address, gift.tokenUnits],
    });
    await reader.waitForTransactionReceipt({ hash: tokens });
    return [gas, tokens];
  }
}

const refuse = (status: number, code: string, message: string): Answer => ({ status, body: { code, message } });

function addressIn(text: string | null): Address | null {
  try {
    const { address } = JSON.parse(text ?? '') as { address?: unknown };
    return typeof address === 'string' && isAddress(address) ? address : null;
  } catch {
    return null;
  }
}

/** The body, or `null` if it is longer than necessary. */
async function read(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reply(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'access-control-allow-origin': '*',
    'access-control-allow-headers': 'content-type',
  });
  response.end(status === 204 ? undefined : JSON.stringify(body));
}
