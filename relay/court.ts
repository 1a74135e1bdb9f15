import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { createCourt } from '#lib/pay/chain/court.ts';
import { isNamed } from '#lib/pay/registry.ts';
import type { Address } from '#lib/pay/spec.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createCourtClerk, type CourtClerk, type CourtClerkComponents } from '#lib/peer/audit/court/clerk.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { courtAt } from './audit/pace.ts';
import type { AuditEnv } from './settings/auditing.ts';
import type { CourtEnv } from './settings/court.ts';

/** Settings that name other accounts of the same program, which send by themselves. */
type OtherKeys = { readonly [Name in (typeof otherKeys)[number]]?: string | undefined };
const otherKeys = ['SPEND_KEY', 'EARN_KEY', 'CREDITS_KEY', 'HUB_KEY', 'SPONSOR_KEY'] as const;

export interface CourtInit {
  readonly env: CourtEnv & Pick<AuditEnv, 'AUDIT_PACE'> & OtherKeys & { readonly CHAIN_RPC_URL?: string | undefined };
  readonly peer: Pick<Peer, 'self' | 'directory'>;
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fetch: typeof globalThis.fetch;
  readonly judgeAppealed?: CourtClerkComponents['judgeAppealed'];
  readonly gateways?: CourtClerkComponents['gateways'];
  readonly onAppealed?: CourtClerkComponents['onAppealed'];
}

/** What is wrong with the settings, before anything is opened. @throws `bad-setting`, `chain-unknown`. */
export function checkCourt({ COURT_KEY, COURT_CHAIN, ...others }: CourtInit['env']) {
  if (COURT_KEY === undefined) throw new TabloomError('bad-setting', 'The contract of disputes needs COURT_KEY.');
  const wallet = localWallet(COURT_KEY);
  for (const name of otherKeys) {
    // Two that send for one account would take each other's nonces.
    if (others[name] === undefined || localWallet(others[name]).address !== wallet.address) continue;
    throw new TabloomError('bad-setting', `COURT_KEY needs an account of its own, and not that of ${name}.`);
  }
  return { wallet, entry: deployedChain(COURT_CHAIN) };
}

/** Takes verdicts to the contract. The chain need not respond. @throws as `checkCourt` does. */
export function createClerk({ env, peer, storage, clock, logger, fetch, ...rest }: CourtInit): CourtClerk {
  const { wallet, entry } = checkCourt(env);
  const rpc = env.CHAIN_RPC_URL === undefined ? {} : { rpcUrl: env.CHAIN_RPC_URL };
  const chain = createChain({ clock, fetch }, { entry, ...rpc });
  return createCourtClerk({
    self: peer.self,
    court: createCourt(chain),
    wallet,
    accounts: {
      offered(worker) {
        const payout = peer.directory.get(worker)?.offer.payout;
        return payout?.chain === entry.id ? (payout.provider as Address) : undefined;
      },
      names: (provider, worker, options) => isNamed(chain, { provider, peer: worker }, options),
    },
    chainNow: async (options) => (await chain.head(options)).timestamp,
    judgeAppealed: rest.judgeAppealed,
    gateways: rest.gateways,
    onAppealed: rest.onAppealed,
    ...courtAt(env.AUDIT_PACE),
    storage,
    clock,
    logger,
  });
}
