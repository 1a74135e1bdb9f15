import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import type { Chain } from '#lib/pay/spec.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { Payments } from '../gateway/payments.ts';
import { createRateLimits } from '../gateway/rate-limits.ts';
import type { RelayEnv } from '../settings/commands.ts';
import { readEnv, type Variables } from '../settings/read-env.ts';
import type { SponsorEnv } from '../settings/sponsor.ts';
import type { OwnChain } from './local-chain.ts';
import { createRegistrations } from './registrations.ts';
import { createRpcDoor } from './rpc.ts';
import { openSponsorDesk } from './sponsor-desk.ts';

/** The chain that a relay names for payments. */
export interface NamedChain {
  readonly chain: Chain;
  /** What others may ask of it through the relay. @throws `bad-setting` for a key of a sponsor that is none. */
  payments(components: PaymentsComponents): Promise<RunningPayments>;
  /** Stops a chain that this program has started; it keeps what happened on it. */
  stop(): Promise<void>;
}

export interface PaymentsComponents {
  readonly env: SponsorEnv & Pick<RelayEnv, 'EARN_COIN_PRICE'>;
  readonly storage: KeyValue;
  readonly logger: Logger;
}

export interface RunningPayments extends Payments {
  start(): void;
  stop(): Promise<void>;
}

export interface NamedChainComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: typeof globalThis.fetch;
}

/** For one address, and for all of them: a page with a job under way reads the chain about once a second. */
const requestsPerMinute = 300;
const requestsPerMinuteTotal = 6_000;
const sponsoredPerMinute = 10;
const sponsoredPerMinuteTotal = 120;
const weiPerCoin = 10n ** 18n;
/** Transactions come into a block of a local chain at once. */
const localLimits = { pollMs: 50 } as const;

/**
 * Opens the chain that the settings name: starts a local one, or finds out which one a server is of and that the contracts are on it.
 * What else is paid is paid on this chain too.
 * @param env of the same variables.
 * @returns the settings with it.
 * @throws `chain-unavailable`, `chain-unknown` for one that no contracts are listed for, `contracts-missing`, `bad-setting`
 * where another setting names another chain, and as `startLocalChain` does.
 */
export async function openChain(
  { CHAIN, CHAIN_PORT, DATA_DIR }: Pick<RelayEnv, 'CHAIN' | 'CHAIN_PORT' | 'DATA_DIR'>,
  variables: Variables,
  components: NamedChainComponents,
): Promise<{ readonly env: RelayEnv; readonly chain: NamedChain }> {
  if (CHAIN !== 'local') return nameChain(CHAIN!, variables, components, undefined);
  const { startLocalChain } = await import('./local-chain.ts');
  const anvil = await startLocalChain({ folder: DATA_DIR, port: CHAIN_PORT }, components);
  try {
    return await nameChain(anvil.url, variables, components, anvil);
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

async function nameChain(
  rpcUrl: string,
  variables: Variables,
  components: NamedChainComponents,
  own: OwnChain | undefined,
): Promise<{ readonly env: RelayEnv; readonly chain: NamedChain }> {
  const { fetch } = components;
  const rpc = createRpcDoor({ rpcUrl, fetch });
  const { result } = await rpc({ id: null, method: 'eth_chainId', params: [] });
  const id = typeof result === 'string' && /^0x[0-9a-f]{1,12}$/i.test(result) ? Number(result) : undefined;
  if (id === undefined) {
    throw new TabloomError('chain-unavailable', 'The server of CHAIN names no chain. Is it one of JSON-RPC?');
  }
  const env = readEnv('relay', followed(variables, { rpcUrl, id }));
  const entry = deployedChain(id);
  const chain = createChain(components, { entry, rpcUrl, ...(entry.isLocal ? { limits: localLimits } : {}) });
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
      async payments({ env: { SPONSOR_KEY: key, ...limits }, storage, logger }) {
        if (own?.found === 'restored') logger.warn('local-chain-restored');
        if (own?.found === 'lost') logger.warn('local-chain-lost');
        void own?.gone.then(() => logger.warn('local-chain-ended'));
        const desk =
          key === undefined
            ? undefined
            : await openSponsorDesk(
                { chain, wallet: localWallet(key), storage, clock: components.clock, logger },
                {
                  rate: { units: limits.EARN_COIN_PRICE, wei: weiPerCoin },
                  feeMin: limits.SPONSOR_FEE_MIN,
                  lossesPerDayMax: limits.SPONSOR_LOSSES_PER_DAY,
                },
              );
        const ratesOf = (perMinute: number, total: number) =>
          createRateLimits({
            requestsPerMinute: perMinute,
            requestsPerMinuteTotal: total,
            tokensPerMinute: 1,
            redisUrl: undefined,
            logger,
          });
        const faucet = entry.isLocal
          ? (await import('./local-chain.ts')).createLocalFaucet({ chain, rpcUrl }, components)
          : undefined;
        return {
          info: {
            chain: id,
            rpc: '/pay/rpc',
            ...(faucet ? { faucet: '/pay/faucet' } : {}),
            ...(desk ? { sponsor: '/pay/sponsor' } : {}),
          },
          rates: ratesOf(requestsPerMinute, requestsPerMinuteTotal),
          rpc,
          registrationOf: createRegistrations({ chain, clock: components.clock }),
          faucet,
          sponsor: desk && { ...desk, rates: ratesOf(sponsoredPerMinute, sponsoredPerMinuteTotal) },
          start: () => desk?.start(),
          stop: async () => desk?.stop(),
        };
      },
      stop: async () => own?.stop(),
    },
  };
}

/** Settings that name a chain by themselves follow the one that is named. @throws `bad-setting` where they cannot. */
function followed(given: Variables, { rpcUrl, id }: { readonly rpcUrl: string; readonly id: number }): Variables {
  const number = String(id);
  const chains = { EARN_CHAIN: number, CREDITS_CHAIN: number, SPEND_CHAIN: number, COURT_CHAIN: number };
  const wanted = { CHAIN_RPC_URL: rpcUrl, ...chains };
  for (const [name, value] of Object.entries(wanted)) {
    if (!given[name] || given[name] === value) continue;
    throw new TabloomError('bad-setting', `CHAIN names the chain of ${name} too, and another one. Leave ${name} out.`, {
      details: { name },
    });
  }
  // The blocks that pick may be of another one.
  return { BEACON_CHAIN: number, ...given, ...wanted };
}
