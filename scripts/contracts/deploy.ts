/**
 * Deploys the contracts to any chain in `chains.ts`, at addresses derived from their code:
 *
 * node scripts/contracts/deploy.ts --chain 84532 [--rpc URL] [--governor 0x… --treasury 0x…] [--dry-run]
 *
 * The sender's private key is read from DEPLOYER_KEY; the result does not depend on the sender. Governor and treasury
 * come from the chain's entry or, if it has none yet, from the options. Running it again sends nothing.
 */
import { parseArgs } from 'node:util';
import { createPublicClient, createWalletClient, getAddress, http, isHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { bytecode } from '../../contracts/generated/bytecode.ts';
import { chains, type ChainEntry } from './chains.ts';
import { deploy, plan } from './deployment.ts';

const { values } = parseArgs({
  options: {
    chain: { type: 'string' },
    rpc: { type: 'string' },
    governor: { type: 'string' },
    treasury: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
  },
});

const entry = chains.find(({ id, name }) => String(id) === values.chain || name === values.chain);
if (!entry) {
  throw new Error(
    `--chain is ${values.chain}; use one of ${chains.map(({ id, name }) => `${id} (${name})`).join(', ')}`,
  );
}
const planned = plan(withRoles(entry), bytecode);
process.stdout.write(`${entry.name} (${entry.id}), token ${planned.token}\n`);
for (const { name, address } of planned.steps) process.stdout.write(`  ${name.padEnd(10)} ${address}\n`);

if (!values['dry-run']) {
  const key = process.env['DEPLOYER_KEY'];
  if (!isHex(key) || key.length !== 66) throw new Error('DEPLOYER_KEY must be a private key: 0x and 64 hex digits');
  const transport = http(values.rpc ?? entry.rpcUrl);
  const reader = createPublicClient({ transport });
  const actual = await reader.getChainId();
  if (actual !== entry.id) throw new Error(`that endpoint is chain ${actual}, not ${entry.id}`);
  const sender = createWalletClient({ transport, account: privateKeyToAccount(key) });
  const sent = await deploy(planned, reader, sender, entry.confirmations);
  process.stdout.write(sent.length > 0 ? `deployed ${sent.join(', ')}\n` : 'everything is already deployed\n');
}

/** Roles given as options must not contradict recorded ones. */
function withRoles(chain: ChainEntry): ChainEntry {
  const { governor, treasury } = values;
  if (governor === undefined && treasury === undefined) return chain;
  if (governor === undefined || treasury === undefined) throw new Error('give both --governor and --treasury');
  const roles = { governor: getAddress(governor), treasury: getAddress(treasury) };
  if (chain.roles && JSON.stringify(chain.roles) !== JSON.stringify(roles)) {
    throw new Error(`${chain.name} is recorded with different roles: change chains.ts if this is intended`);
  }
  return { ...chain, roles };
}
