import { join } from 'node:path';
import { systemClock } from '#lib/base/clock.ts';
import type { Startable } from '#lib/base/startable.ts';
import { printable } from '#lib/base/printable.ts';
import { systemRandom } from '#lib/base/random.ts';
import { inTurn } from '#lib/peer/audit/in-turn.ts';
import { scoredBy } from '#lib/peer/audit/scored-by.ts';
import { createAuditJournal } from '#lib/peer/audit/journal.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { checkAudits, openAudits, openClerk } from './audits.ts';
import { installNativeCrypto } from './native-crypto.ts';
import { readBackends } from './backends.ts';
import { createLogger } from './log.ts';
import { bundledModelFile, startNativeProvider } from './native-provider.ts';
import { loadSeed } from './node/identity.ts';
import { createRelayList } from './relay-list.ts';
import type { Program, ProgramOptions } from './program.ts';
import type { ValidateEnv } from './settings/commands.ts';
import { createCheckpoints } from './storage/checkpoints.ts';
import { openSqliteStorage } from './storage/sqlite.ts';

/**
 * A validator as a process of its own: a peer that joins any relays and opens no port, whose models score what others answered, and
 * answer nobody. What it has heard and voted outlives it.
 * @throws `data-in-use`, `data-not-writable`, `bad-identity`, `bad-setting`.
 */
export async function startValidate(env: ValidateEnv, { log }: ProgramOptions = {}): Promise<Program> {
  installNativeCrypto();
  const [clock, random, logger] = [systemClock, systemRandom, createLogger(env.LOG_LEVEL, log)];
  const startedAt = clock.now();
  const backends = await readBackends(env);
  await checkAudits(env);
  const life = new AbortController();
  const checkpoints = createCheckpoints();
  const storage = openSqliteStorage(join(env.DATA_DIR, 'validate.db'), checkpoints);
  let seed: Uint8Array;
  try {
    seed = await loadSeed(env.DATA_DIR, 'validate.key');
  } catch (error) {
    storage.close();
    await checkpoints.stop();
    throw error;
  }
  const signer = createSigner(seed);
  const relays = createRelayList({ urls: env.RELAYS, fetch, clock, random, logger, signal: life.signal });
  let [accusations, votes, convictions] = [0, 0, 0];
  const native = startNativeProvider({
    open: async () => ({ storage, seed }),
    modelFile: bundledModelFile,
    tiers: ['open'],
    hardwareCard: 'off',
    backends,
    audience: 'self',
    net: { relays: relays.addressesWithLearned, wakeups: relays.onFound, listen: [] },
    isGateway: () => false,
    isOwners: () => false,
    isExempt: () => true,
    earn: async () => undefined,
    listed: async () => undefined,
    async audits(peer) {
      const clerk = await openClerk({
        env,
        peer,
        storage,
        clock,
        logger,
        fetch,
        judgeAppealed: (answer) => audits!.judgeAppealed(answer),
      });
      const audits = await openAudits({
        env,
        peer,
        signer,
        clock,
        random,
        logger,
        fetch,
        scorer: inTurn(peer.provider.scorer),
        engine: backends.length > 0 ? 'openai-compatible' : 'llama',
        scoredBy: scoredBy(peer.provider),
        journal: createAuditJournal({ storage, clock, logger }),
        onEffect(one) {
          clerk.note(one);
          if (one.of !== 'trial') return;
          if (one.effect.type === 'draw') accusations += 1;
          if (one.effect.type === 'seat' && one.effect.validators.includes(signer.peer)) votes += 1;
          if (one.effect.type === 'settled' && one.effect.outcome === 'convicted') convictions += 1;
        },
      });
      return inSequence(clerk, audits!);
    },
    clock,
    random,
    logger,
  });

  const stop = async () => {
    await native.stop({ signal: AbortSignal.timeout(env.SHUTDOWN_SECONDS * 1_000) });
    logger.info('validate-stopped', { accusations, votes, convictions });
    life.abort();
    await checkpoints.stop();
  };
  let stopping: Promise<void> | undefined;
  const isListed = env.AUDIT_VALIDATORS.some(({ peer }) => peer === signer.peer);
  const by = backends.map(({ baseUrl }) => baseUrl).join(', ') || `the bundled model ${demoModel.name}`;
  return {
    logger,
    banner: [
      '',
      `  Tabloom   validator ${signer.peer}`,
      `  Scores    by ${printable(by)}`,
      `  Relays    ${env.RELAYS.map(({ origin }) => origin).join(', ')}`,
      `  Court     ${env.COURT_KEY === undefined ? 'none (no COURT_KEY): verdicts count for standing only' : `chain ${env.COURT_CHAIN}`}`,
      '\n',
    ].join('\n'),
    ready: native.ready.then((state) => {
      if (state.state === 'failed')
        return `Nothing can be scored yet (${state.error.code}): ${printable(state.error.message)}\n`;
      return isListed
        ? 'It judges where it is seated.\n'
        : 'AUDIT_VALIDATORS does not name this peer: it follows audits, and is never seated.\n';
    }),
    live: () => ({
      ...native.activity,
      uptimeMs: clock.now() - startedAt,
      running: native.running,
      queued: native.queued,
      models: [],
    }),
    stop: () => (stopping ??= stop()),
  };
}

/** Started one after the other, and stopped the other way round. */
const inSequence = (first: Startable, second: Startable): Startable => ({
  async start() {
    await first.start();
    await second.start();
  },
  async stop() {
    await second.stop();
    await first.stop();
  },
});
