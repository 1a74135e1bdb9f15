import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import type { Chain } from '#lib/pay/spec.ts';
import type { Payments } from '../gateway/payments.ts';
import { createRateLimits } from '../gateway/rate-limits.ts';
import type { RelayEnv } from '../settings/commands.ts';
import { readEnv, type Variables } from '../settings/read-env.ts';
import { createRpcDoor } from './rpc.ts';

/** The chain that a relay names for payments. */
export interface NamedChain {
  readonly chain: Chain;
  /** What others may ask of it through the relay. */
  payments(components: { readonly logger: Logger }): Payments;
}

export interface NamedChainComponents {
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
}

/** For one address, and for all of them: a page with a job under way reads the chain about once a second. */
const requestsPerMinute = 300;
const requestsPerMinuteTotal = 6_000;

/**
 * Finds out which chain a server is of, and that the contracts are on it. What else is paid is paid on this chain too.
 * @returns the settings with it.
 * @throws `chain-unavailable`, `chain-unknown` for one that no contracts are listed for, `contracts-missing`, `bad-setting`
 * where another setting names another chain.
 */
export async function nameChain(
  rpcUrl: string,
  variables: Variables,
  { clock, fetch }: NamedChainComponents,
): Promise<{ readonly env: RelayEnv; readonly chain: NamedChain }> {
  const rpc = createRpcDoor({ rpcUrl, fetch });
  const { result } = await rpc({ id: null, method: 'eth_chainId', params: [] });
  const id = typeof result === 'string' && /^0x[0-9a-f]{1,12}$/i.test(result) ? Number(result) : undefined;
  if (id === undefined) {
    throw new TabloomError('chain-unavailable', 'The server of CHAIN names no chain. Is it one of JSON-RPC?');
  }
  const env = readEnv('relay', followed(variables, { rpcUrl, id }));
  const entry = deployedChain(id);
  const chain = createChain({ clock, fetch }, { entry, rpcUrl });
  if (!(await chain.hasCode(entry.contracts.channels))) {
    throw new TabloomError(
      'contracts-missing',
      `The contracts are not on the chain of CHAIN (${id}). Deploy them there, or name another chain.`,
      { details: { chain: id, channels: entry.contracts.channels } },
    );
  }
  return {
    env,
    chain: {
      chain,
      payments: ({ logger }) => ({
        info: { chain: id, rpc: '/pay/rpc' },
        rates: createRateLimits({
          requestsPerMinute,
          requestsPerMinuteTotal,
          tokensPerMinute: 1,
          redisUrl: undefined,
          logger,
        }),
        rpc,
      }),
    },
  };
}

/** Settings that name a chain by themselves follow the one that is named. @throws `bad-setting` where they cannot. */
function followed(given: Variables, { rpcUrl, id }: { readonly rpcUrl: string; readonly id: number }): Variables {
  const wanted = { CHAIN_RPC_URL: rpcUrl, EARN_CHAIN: String(id), CREDITS_CHAIN: String(id) };
  for (const [name, value] of Object.entries(wanted)) {
    if (!given[name] || given[name] === value) continue;
    throw new TabloomError('bad-setting', `CHAIN names the chain of ${name} too, and another one. Leave ${name} out.`, {
      details: { name },
    });
  }
  return { ...given, ...wanted };
}
