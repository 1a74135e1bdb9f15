import { join } from 'node:path';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { LocalNets } from '#lib/net/local.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { openAudits, servedTiers } from './audits.ts';
import type { BackendConfig } from './native/bridge/backend-config.ts';
import { bundledModelFile, startNativeProvider, waitUntilListed, type NativeProvider } from './native-provider.ts';
import { loadSeed } from './node/identity.ts';
import type { RelayEnv } from './settings/commands.ts';
import { earns } from './settings/earning.ts';
import type { Checkpoints } from './storage/checkpoints.ts';
import { openSqliteStorage } from './storage/sqlite.ts';

export interface OwnNativeInit {
  readonly env: RelayEnv;
  readonly backends: readonly BackendConfig[];
  /** The gateway of this process, which it is joined to in memory. */
  readonly peer: Peer;
  readonly local: LocalNets;
  /** Multiaddrs at which it is to be found by others. */
  readonly relays: readonly string[];
  /** The gateways of the same relay in other processes. */
  readonly siblings: ReadonlySet<PeerId>;
  readonly marked: MarkedJobs;
  readonly checkpoints: Checkpoints;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Jobs of this process's gateway while they run, by their ids. */
export interface MarkedJobs {
  /** Of the relay's owner. */
  readonly owners: Set<string>;
  /** That somebody pays for. */
  readonly bought: Set<string>;
}

/**
 * The native provider beside a gateway. For a gateway of the same relay in another process it has every slot and every queue too; which
 * of those jobs are the owner's or bought is known in that process alone.
 */
export function startOwnNative(init: OwnNativeInit): NativeProvider {
  const { env, backends, peer, local, relays, siblings, marked, checkpoints, ...parts } = init;
  const { clock, logger } = parts;
  const owners = new Set<PeerId>(env.OWNER_PEERS);
  const isOurs = (asker: PeerId) => asker === peer.self || siblings.has(asker) || owners.has(asker);
  return startNativeProvider({
    ...parts,
    open: async () => ({
      storage: openSqliteStorage(join(env.DATA_DIR, 'native.db'), checkpoints),
      seed: await loadSeed(env.DATA_DIR, 'native.key'),
    }),
    modelFile: bundledModelFile,
    tiers: servedTiers(env),
    hardwareCard: env.HARDWARE_CARD,
    backends,
    net: { relays: () => relays, local },
    isGateway: isOurs,
    isOwners: ({ id }, asker) => (asker === peer.self ? marked.owners.has(id) : owners.has(asker)),
    isBought: ({ id }, asker) => asker === peer.self && marked.bought.has(id),
    isExempt: isOurs,
    earn: async (storage) =>
      earns(env) ? (await import('./earnings.ts')).createEarnings({ env, storage, clock, logger, fetch }) : undefined,
    audits: (own, storage, signer) => openAudits({ ...parts, env, peer: own, signer, fetch, commitsIn: storage }),
    listed: ({ self }, options) =>
      waitUntilListed(
        () => (peer.directory.get(self)?.offer.models.length ?? 0) > 0,
        (listener) => peer.directory.onChange(listener),
        { clock, ...options },
      ),
  });
}
