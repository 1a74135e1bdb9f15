import { join } from 'node:path';
import { systemClock } from '#lib/base/clock.ts';
import { printable } from '#lib/base/printable.ts';
import { systemRandom } from '#lib/base/random.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { checkAudits, openAudits, servedTiers } from './audits.ts';
import { installNativeCrypto } from './native-crypto.ts';
import { readBackends } from './backends.ts';
import { createLogger } from './log.ts';
import { bundledModelFile, startNativeProvider, waitUntilListed } from './native-provider.ts';
import { loadSeed } from './node/identity.ts';
import { createRelayList } from './relay-list.ts';
import type { Program, ProgramOptions } from './program.ts';
import type { ProvideEnv } from './settings/commands.ts';
import { earns } from './settings/earning.ts';
import { createCheckpoints } from './storage/checkpoints.ts';
import { openSqliteStorage } from './storage/sqlite.ts';

/**
 * A native provider as a process of its own: a peer that joins any relays and opens no port, unless its owner names one for
 * WebRTC. It starts without its relays and without its model server, and finds them when they come.
 * @throws `data-in-use`, `data-not-writable`, `bad-identity`, `bad-setting`.
 */
export async function startProvide(env: ProvideEnv, { log }: ProgramOptions = {}): Promise<Program> {
  installNativeCrypto();
  const [clock, random, logger] = [systemClock, systemRandom, createLogger(env.LOG_LEVEL, log)];
  const startedAt = clock.now();
  const backends = await readBackends(env);
  await checkAudits(env);
  // Loaded only where something has a price, here and below: what knows a chain takes two seconds to load.
  if (earns(env)) (await import('./earnings.ts')).checkEarning(env);
  const life = new AbortController();
  const checkpoints = createCheckpoints();
  const storage = openSqliteStorage(join(env.DATA_DIR, 'provide.db'), checkpoints);
  let seed: Uint8Array;
  try {
    seed = await loadSeed(env.DATA_DIR, 'provide.key');
  } catch (error) {
    storage.close();
    await checkpoints.stop();
    throw error;
  }
  const relays = createRelayList({ urls: env.RELAYS, fetch, clock, random, logger, signal: life.signal });
  const owners = new Set(env.OWNER_PEERS);
  const native = startNativeProvider({
    open: async () => ({ storage, seed }),
    modelFile: bundledModelFile,
    tiers: servedTiers(env),
    hardwareCard: env.HARDWARE_CARD,
    backends,
    net: {
      relays: relays.addressesWithLearned,
      wakeups: relays.onFound,
      listen: env.DIRECT_PORT === undefined ? [] : [`/ip4/0.0.0.0/udp/${env.DIRECT_PORT}/webrtc-direct`],
    },
    isGateway: (asker) => relays.includes(asker) || owners.has(asker),
    isOwners: (_job, asker) => owners.has(asker),
    isExempt: (asker) => owners.has(asker),
    earn: async (storage) => {
      if (!earns(env)) return undefined;
      const { sponsorsOn } = relays;
      return (await import('./earnings.ts')).createEarnings({ env, storage, clock, logger, fetch, sponsorsOn });
    },
    listed(peer, options) {
      const { listing } = peer;
      followListing(peer);
      return waitUntilListed(
        () => (listing?.relays.length ?? 0) > 0,
        (listener) => listing?.onChange(listener) ?? (() => undefined),
        { clock, ...options },
      );
    },
    audits: (peer, storage, signer) =>
      openAudits({ env, peer, signer, clock, random, logger, fetch, commitsIn: storage }),
    clock,
    random,
    logger,
  });

  let listedBy: readonly string[] = [];
  const followListing = ({ listing }: Peer) => {
    const note = () => {
      listedBy = (listing?.relays ?? []).map((peer) => relays.urlOf(peer) ?? peer);
      logger.info('provide-listed', { relays: listedBy });
    };
    note();
    listing?.onChange(note);
  };

  const stop = async () => {
    await native.stop({ signal: AbortSignal.timeout(env.SHUTDOWN_SECONDS * 1_000) });
    life.abort();
    await checkpoints.stop();
  };
  let stopping: Promise<void> | undefined;
  const from = backends.map(({ baseUrl }) => baseUrl).join(', ') || `the bundled model ${demoModel.name}`;
  return {
    logger,
    banner: [
      '',
      `  Tabloom   provider ${createSigner(seed).peer}`,
      `  Serves    ${printable(from)}`,
      `  Relays    ${env.RELAYS.map(({ origin }) => origin).join(', ')}`,
      '\n',
    ].join('\n'),
    ready: native.ready.then((state) => {
      if (state.state === 'failed')
        return `The models cannot be served yet (${state.error.code}): ${printable(state.error.message)}\n`;
      return listedBy.length > 0
        ? `Listed by ${listedBy.join(', ')}.\n`
        : 'No relay lists this provider yet. It keeps trying.\n';
    }),
    live() {
      const { models, ...activity } = native.activity;
      return {
        ...activity,
        uptimeMs: clock.now() - startedAt,
        running: native.running,
        queued: native.queued,
        models: models.map(({ name, slots, running, queued }) => ({ name, workers: 1, slots, running, queued })),
      };
    },
    stop: () => (stopping ??= stop()),
  };
}
