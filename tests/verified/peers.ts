import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createAuditing, type Auditing, type AuditOutcomeEffect } from '#lib/peer/audit/auditing.ts';
import { createEvidenceStore } from '#lib/peer/audit/evidence.ts';
import { openEpochKeeper } from '#lib/peer/audit/epoch-keeper.ts';
import type { Judge } from '#lib/peer/audit/validator.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { Scorer } from '#lib/peer/spec.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { auditWindows } from '#lib/trust/audit.ts';
import type { Beacon } from '#lib/trust/beacon.ts';
import { tryOpenReceipt } from '#lib/trust/check.ts';
import { trialWindows, type Candidate } from '#lib/trust/trial-state.ts';
import { startPeer } from '../integration/peer/ground.ts';
import type { TownCourt } from './on-chain.ts';

/** What is the same for all peers of the town. */
export interface Town {
  readonly address: () => string;
  readonly beacon: Beacon;
  readonly candidates: readonly Candidate[];
  readonly scorer: Scorer;
  /** By the margins that the network has published, as all of it judge. */
  readonly judge: Judge;
  readonly engine: string;
  readonly court: Pick<TownCourt, 'clerkOf'>;
}

export interface TownPeer {
  readonly peer: Peer;
  readonly auditing: Auditing;
  readonly effects: readonly AuditOutcomeEffect[];
  /** Takes nothing more to the contract. */
  halt(): Promise<void>;
  stop(): Promise<void>;
}

export const seedOf = (number: number) => new Uint8Array(32).fill(number);
export const peerOf = (number: number) => createSigner(seedOf(number)).peer;

/** Hours and minutes of a network, as seconds: on a busy machine each of them is long enough. */
const pace = {
  epochMs: 20_000,
  graceMs: 10_000,
  tickMs: 500,
  windows: { ...auditWindows, epochMs: 180_000, beaconRetryMs: 1_000, openingRetryMs: 5_000, scoreMs: 120_000 },
  trialWindows: {
    ...trialWindows,
    drawMs: 60_000,
    commitMs: 60_000,
    revealMs: 30_000,
    unsealMs: 30_000,
    appealMs: 20_000,
  },
} as const;

export interface TownRole {
  readonly judge?: Judge;
  /** What it judges with, where that is not the town's. */
  readonly scorer?: Scorer;
  readonly commits?: boolean;
  /** In its own trial. */
  readonly appeals?: boolean;
}

export async function joinTown(
  number: number,
  { address, beacon, candidates, engine, court, ...town }: Town,
  { judge = town.judge, scorer = town.scorer, commits = false, appeals = true }: TownRole = {},
): Promise<TownPeer> {
  const peer = await startPeer(number, address);
  const signer = createSigner(seedOf(number));
  const effects: AuditOutcomeEffect[] = [];
  const clerk = court.clerkOf(peer.self, (answer) => auditing.judgeAppealed(answer));
  const parts = { storage: createMemoryStorage(), clock: systemClock, logger: silentLogger };
  const auditing: Auditing = createAuditing({
    ...pace,
    appeals,
    evidence: createEvidenceStore(parts),
    isAppealed: (audit) => clerk?.isAppealed(audit) ?? false,
    net: peer.net,
    signer,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    beacon,
    scorer,
    judge,
    engine,
    share: 1_000_000,
    candidates: () => candidates,
    keeper: commits ? await keeperOf(number, peer) : undefined,
    onEffect(effect) {
      effects.push(effect);
      clerk?.note(effect);
    },
  });
  await clerk?.start();
  await auditing.start();
  return {
    peer,
    auditing,
    effects,
    halt: async () => clerk?.stop(),
    async stop() {
      await auditing.stop();
      await clerk?.stop();
      await peer.stop();
    },
  };
}

/** Receipts that a worker of the town can have issued. */
const receiptsMax = 1_000;

const keeperOf = (number: number, { receipts }: Peer) =>
  openEpochKeeper({
    signer: createSigner(seedOf(number)),
    storage: createMemoryStorage(),
    clock: systemClock,
    issuedBetween: async (from, until) =>
      (await receipts.entries('worker', receiptsMax)).flatMap(({ key, signed: { receipt } }) => {
        const issuedAt = tryOpenReceipt(receipt)?.record.issuedAt ?? -1;
        return issuedAt >= from && issuedAt < until ? [{ key, envelope: receipt }] : [];
      }),
    read: async (key) => (await receipts.read(key))?.receipt,
  });
