/**
 * `npm run chain`: a local chain with every contract deployed, and a faucet.
 *
 * --port 8545   --faucet-port 8546   --state FILE (keep what happens across restarts)
 *
 * Prints one line of JSON when everything is ready, with the milliseconds since start (`readyMs`). Stop it with SIGINT
 * or SIGTERM.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { startAnvil } from '../../relay/chain/anvil.ts';
import { createFaucet } from './faucet.ts';
import { deployLocal, localAccount, localClients } from './local.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8545' },
    'faucet-port': { type: 'string', default: '8546' },
    state: { type: 'string' },
  },
});

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

const anvil = await startAnvil({ port: portOf(values.port), ...(values.state && { statePath: values.state }) });
try {
  // The eighth account deploys and funds the faucet, so that the first ones are untouched, as developers expect.
  const clients = localClients(anvil.url, localAccount(7));
  const contracts = await deployLocal(clients);
  const faucet = createFaucet(clients, contracts);
  faucet.listen(portOf(values['faucet-port']), '127.0.0.1');
  await once(faucet, 'listening');
  const { port } = faucet.address() as AddressInfo;
  const faucetUrl = `http://127.0.0.1:${port}`;
  const readyMs = Math.round(performance.now());
  process.stdout.write(`${JSON.stringify({ chainId: 31337, rpcUrl: anvil.url, faucetUrl, ...contracts, readyMs })}\n`);
  if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
  faucet.closeAllConnections();
  faucet.close();
} finally {
  await anvil.stop();
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`${text} is not a port: use 0 to 65535`);
  return port;
}
