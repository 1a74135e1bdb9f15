import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { describeProvider } from '#lib/pay/actions/describe-provider.ts';
import { createCourt } from '#lib/pay/chain/court.ts';
import { burnAddress } from '#lib/pay/court-memory.ts';
import type { Dispute } from '#lib/pay/court.ts';
import { isNamed, offerKeyOf } from '#lib/pay/registry.ts';
import type { Address, Hex, LocalWallet } from '#lib/pay/spec.ts';
import { createCourtClerk, type CourtClerk, type CourtClerkComponents } from '#lib/peer/audit/court/clerk.ts';
import { courtPace } from '#lib/peer/audit/court/docket.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { CourtTown } from '../compliance/court.ts';
import { startLocalChain } from '../integration/pay/chain.fixture.ts';
import { openCourt } from '../integration/pay/court.fixture.ts';

/**
 * `Disputes` on a local chain, with accounts for the town's peers. What is done there the peers' own clerks do; this file is what
 * they are before: time, and those who cheat and accuse.
 */
export interface TownCourt {
  readonly people: CourtTown;
  /** Account of a worker, bonded and named in the registry. */
  readonly providers: ReadonlyMap<string, LocalWallet>;
  /** Accounts of those who accuse, and of validators. */
  readonly walletOf: ReadonlyMap<string, LocalWallet>;
  /** Of the cheats: it challenges them for the least. */
  readonly friend: LocalWallet;
  /** Every account with what it has, is owed and has bonded, before anything was disputed. */
  readonly before: ReadonlyMap<Address, bigint>;
  /** Of a peer that has an account: what takes its verdicts to the contract. */
  clerkOf(peer: string, judgeAppealed: CourtClerkComponents['judgeAppealed']): CourtClerk | undefined;
  /** All disputes that there are, oldest first. */
  disputes(): Promise<readonly Dispute[]>;
  fortunes(): Promise<ReadonlyMap<Address, bigint>>;
  stop(): Promise<void>;
}

export const stake = 1_000_000_001n;
const inHand = 400_000_000n;
/** The dearest dispute is opened within seconds here. */
const pace = { ...courtPace, graceMs: 10_000, lookMs: 1_000 };

export interface CourtPeers {
  readonly validators: readonly string[];
  readonly workers: readonly string[];
  readonly accusers: readonly string[];
}

export async function openTownCourt({ validators, workers, accusers }: CourtPeers): Promise<TownCourt> {
  const local = await startLocalChain();
  try {
    const chain = local.chain();
    const people = await openCourt(local, chain);
    const court = createCourt(chain);
    const providers = new Map<string, LocalWallet>();
    for (const worker of workers) {
      const wallet = await people.person(inHand, stake);
      const none: Hex = `0x${'00'.repeat(32)}`;
      await describeProvider(chain, wallet, { offerKey: offerKeyOf(worker), metadataHash: none, pricesHash: none });
      providers.set(worker, wallet);
    }
    const walletOf = new Map(validators.map((peer, at) => [peer, people.validators[at]!]));
    for (const accuser of accusers) walletOf.set(accuser, await people.person(inHand));
    const friend = await people.person(stake);
    const fortunes = async () => {
      const all = new Map<Address, bigint>();
      for (const account of [...[...providers.values(), ...walletOf.values(), friend].map(addressOf), burnAddress])
        all.set(account, (await people.balance(account)) + (await court.owed(account)) + (await people.stake(account)));
      return all;
    };
    return {
      friend,
      before: await fortunes(),
      fortunes,
      people,
      providers,
      walletOf,
      clerkOf(self, judgeAppealed) {
        const wallet = walletOf.get(self);
        return (
          wallet &&
          createCourtClerk({
            self,
            court,
            wallet,
            accounts: {
              offered: (worker) => providers.get(worker)?.address,
              names: (provider, worker, options) => isNamed(chain, { provider, peer: worker }, options),
            },
            chainNow: async (options) => (await chain.head(options)).timestamp,
            storage: createMemoryStorage(),
            clock: systemClock,
            logger: silentLogger,
            judgeAppealed,
            pace,
            intervalMs: 1_000,
          })
        );
      },
      async disputes() {
        const found: Dispute[] = [];
        for (let id = 1n; ; id++) {
          const one = await court.dispute(id).catch(() => undefined);
          if (!one) return found;
          found.push(one);
        }
      },
      stop: () => local.stop(),
    };
  } catch (error) {
    await local.stop();
    throw error;
  }
}

const addressOf = ({ address }: LocalWallet): Address => address;
