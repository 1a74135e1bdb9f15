import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import {
  createAuditing,
  type Auditing,
  type AuditOutcomeEffect,
  type AuditingComponents,
} from '#lib/peer/audit/auditing.ts';
import { openEpochKeeper, type KeptReceipt } from '#lib/peer/audit/epoch-keeper.ts';
import type { EvidenceStore } from '#lib/peer/audit/evidence.ts';
import type { FollowStore } from '#lib/peer/audit/follow-store.ts';
import { judgeByRows, type ScoredBy } from '#lib/peer/audit/judge.ts';
import type { AuditJournal } from '#lib/peer/audit/journal.ts';
import type { Judge } from '#lib/peer/audit/validator.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { AuditSummary } from '#lib/peer/tiers/audits.ts';
import type { Scorer } from '#lib/peer/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Signer } from '#lib/protocol/envelope.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { tryOpenReceipt } from '#lib/trust/check.ts';
import type { AuditEnv } from '../settings/auditing.ts';
import { openBeacon, type BeaconEnv } from './beacon.ts';
import { windowsAt } from './pace.ts';
import { readPublishedRows } from './published-rows.ts';

export interface FollowAuditsInit {
  readonly env: AuditEnv & BeaconEnv;
  readonly peer: Pick<Peer, 'net' | 'receipts'>;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly fetch: typeof globalThis.fetch;
  /** Of a worker: where its commitments are kept. It makes none without. */
  readonly commitsIn?: KeyValue | undefined;
  /** Of whoever judges: its own canaries, or answers for which it is seated. Without, nothing is judged either way. */
  readonly scorer?: Scorer | undefined;
  /** What scores, as its votes name it; and by model, as rows of calibrations do. */
  readonly engine?: string | undefined;
  readonly scoredBy?: ScoredBy | undefined;
  /** Of a validator or an auditor. */
  readonly journal?: AuditJournal | undefined;
  readonly followStore?: FollowStore | undefined;
  readonly evidence?: EvidenceStore | undefined;
  readonly ownJudge?: Judge | undefined;
  readonly plant?: AuditingComponents['plant'];
  readonly unfit?: AuditingComponents['unfit'];
  /** What is known of a worker's audits here. */
  readonly known?: ((worker: PeerId) => AuditSummary | undefined) | undefined;
  readonly isAppealed?: ((audit: string) => boolean) | undefined;
  readonly onEffect?: ((effect: AuditOutcomeEffect) => void) | undefined;
}

const noScorer: Scorer = { has: () => false, score: async () => undefined };

/** @throws `bad-setting`. */
export async function followAudits(init: FollowAuditsInit): Promise<Auditing> {
  const { env, peer, signer, clock, random, logger, fetch, commitsIn, onEffect = () => undefined } = init;
  return createAuditing({
    net: peer.net,
    signer,
    clock,
    random,
    logger,
    beacon: await openBeacon({ env, fetch, clock }),
    share: env.AUDIT_SHARE,
    ...windowsAt(env.AUDIT_PACE),
    candidates: () => env.AUDIT_VALIDATORS,
    scorer: init.scorer ?? noScorer,
    engine: init.engine ?? 'none',
    journal: init.journal,
    followStore: init.followStore,
    evidence: init.evidence,
    isAppealed: init.isAppealed,
    judge: judgeByRows(await readPublishedRows(env), init.scoredBy ?? (() => undefined)),
    ownJudge: init.ownJudge,
    plant: init.plant,
    unfit: init.unfit,
    known: init.known,
    keeper: commitsIn && (await keeperOf(peer.receipts, { signer, storage: commitsIn, clock })),
    onEffect,
  });
}

/** In a row: a clock that was set back may have dated some wrongly. */
const olderMax = 64;

const keeperOf = (
  receipts: Peer['receipts'],
  components: { readonly signer: Signer; readonly storage: KeyValue; readonly clock: Clock },
) =>
  openEpochKeeper({
    ...components,
    issuedBetween: async (from, until) => {
      const found: KeptReceipt[] = [];
      let older = 0;
      for (const { key, signed } of await receipts.entries('worker', limits.epochReceiptsMax)) {
        const issuedAt = tryOpenReceipt(signed.receipt)?.record.issuedAt ?? -1;
        if (issuedAt >= from && issuedAt < until) found.push({ key, envelope: signed.receipt });
        // Newest first; each has a signature to check.
        older = issuedAt < from ? older + 1 : 0;
        if (older > olderMax) break;
      }
      return found;
    },
    read: async (key) => (await receipts.read(key))?.receipt,
  });
