import { systemClock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { AnsweredJob } from '#lib/peer/ask/answered-job.ts';
import type { Auditing } from '#lib/peer/audit/auditing.ts';
import type { Tier } from '#lib/protocol/job.ts';
import type { RelayAudits } from '#lib/protocol/relay-info.ts';
import type { CourtClerk } from '#lib/peer/audit/court/clerk.ts';
import { createEvidenceStore } from '#lib/peer/audit/evidence.ts';
import { createFollowStore } from '#lib/peer/audit/follow-store.ts';
import type { AuditProgress } from '#lib/peer/audit/released-jobs.ts';
import { createAuditJournal } from '#lib/peer/audit/journal.ts';
import { createPlanting } from '#lib/peer/audit/planting.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { FollowAuditsInit } from './audit/follow-audits.ts';
import type { CourtInit } from './court.ts';
import type { AuditEnv } from './settings/auditing.ts';
import { earns, type EarningEnv } from './settings/earning.ts';

/**
 * The tiers that a native provider may be asked in. It claims the verified one where it commits to its receipts and names an account
 * whose bond can be looked up; whether it is believed, whoever asks looks up.
 */
export const servedTiers = (env: Pick<AuditEnv, 'AUDIT_VALIDATORS'> & EarningEnv): readonly Tier[] =>
  env.AUDIT_VALIDATORS.length > 0 && earns(env) ? ['open', 'verified'] : ['open'];

/** This peer's part in the audits of a network that names its validators; undefined where none are named. @throws `bad-setting`. */
export async function openAudits(init: FollowAuditsInit): Promise<Auditing | undefined> {
  if (init.env.AUDIT_VALIDATORS.length === 0) return undefined;
  // The curves of the beacon take a while to load.
  return (await import('./audit/follow-audits.ts')).followAudits(init);
}

/** A gateway's part in audits, of which there is none until its peer runs. */
export interface GatewayAudits {
  readonly onCanary: (canary: AnsweredJob) => void;
  /** Of a job whose caller lets it be checked. */
  readonly onReleased: (job: AnsweredJob) => void;
  /** Of such a job, by the hash of its receipt. */
  progress(receipt: string): AuditProgress | undefined;
  /** @throws `bad-setting`. */
  start(own: Pick<FollowAuditsInit, 'signer'> & { readonly peer: Peer }): Promise<void>;
  stop(): Promise<void>;
}

export interface GatewayAuditsInit
  extends Omit<FollowAuditsInit, 'peer' | 'signer'>, Pick<CourtInit, 'gateways' | 'onAppealed'> {
  readonly env: FollowAuditsInit['env'] & CourtInit['env'];
  /** Of this gateway's own process. */
  readonly storage: KeyValue;
}

/** Follows the canaries that a gateway asks to their audits, and takes what they come to further. */
export function createGatewayAudits({ storage, ...init }: GatewayAuditsInit): GatewayAudits {
  const { clock, logger } = init;
  const planting = createPlanting(init.random);
  let audits: Auditing | undefined;
  let clerk: CourtClerk | undefined;
  return {
    onCanary: canaryFollower(() => audits, logger),
    onReleased: canaryFollower(() => audits, logger, 'here'),
    progress: (receipt) => audits?.progress(receipt),
    async start(own) {
      // Of a gateway beside its relay, which hears the same trials and goes to the contract for it.
      const { isAppealed } = init;
      const opened = isAppealed
        ? { ...noClerk, isAppealed }
        : await openClerk({
            ...init,
            ...own,
            storage,
            judgeAppealed: (answer) => audits!.judgeAppealed(answer),
          });
      clerk = opened;
      audits = await openAudits({
        ...init,
        ...own,
        journal: createAuditJournal({ storage, clock, logger }),
        followStore: createFollowStore({ storage, logger }),
        plant: planting.plant,
        evidence: createEvidenceStore({ storage, clock, logger }),
        isAppealed: opened.isAppealed,
        onEffect(effect) {
          init.onEffect?.(effect);
          planting.note(effect);
          opened.note(effect);
        },
      });
      await clerk.start();
      await audits?.start();
    },
    async stop() {
      await audits?.stop();
      await clerk?.stop();
    },
  };
}

/**
 * What pages are told of them, so that a tab can judge too; undefined where no validators are named. @throws `bad-setting`.
 * @param passedOn the chain that this relay passes requests on to.
 */
export async function auditTerms(env: AuditEnv, passedOn?: number): Promise<RelayAudits | undefined> {
  if (env.AUDIT_VALIDATORS.length === 0) return undefined;
  const chain = await (await import('./audit/beacon.ts')).ownBeaconChain(env);
  return {
    validators: env.AUDIT_VALIDATORS,
    share: env.AUDIT_SHARE,
    beacons: env.BEACON_URLS.map((url) => new URL(url).href),
    ...(chain ? { chain } : {}),
    ...(env.BEACON === 'blocks' ? { blocks: blocksOf(env, passedOn) } : {}),
  };
}

/** The addresses of servers stay here: they may hold keys. */
const blocksOf = ({ BEACON_CHAIN: chain, BEACON_CONFIRMATIONS: confirmations }: AuditEnv, passedOn?: number) => ({
  chain,
  confirmations,
  ...(passedOn === chain ? { rpc: '/pay/rpc' } : {}),
});

/**
 * What takes verdicts to the contract; where none is named it says of each conviction that it counts for standing only.
 * @throws `bad-setting`, `chain-unknown`.
 */
export async function openClerk(init: CourtInit & { readonly env: AuditEnv }): Promise<CourtClerk> {
  const { COURT_KEY, AUDIT_VALIDATORS } = init.env;
  if (COURT_KEY !== undefined && AUDIT_VALIDATORS.length > 0) {
    // What knows a chain takes long to load.
    // Nobody else is shown anything, and would be refused for days.
    const isValidator = AUDIT_VALIDATORS.some(({ peer }) => peer === init.peer.self);
    const { judgeAppealed, ...rest } = init;
    return (await import('./court.ts')).createClerk(isValidator ? { ...rest, judgeAppealed } : rest);
  }
  return {
    ...noClerk,
    note(one) {
      if (one.of !== 'trial' || one.effect.type !== 'settled' || one.effect.outcome !== 'convicted') return;
      init.logger.info('verdict-for-standing-only', {
        worker: one.trial.receipt.worker,
        audit: one.trial.accusation.audit,
      });
    },
  };
}

const noClerk: CourtClerk = {
  note: () => undefined,
  isAppealed: () => false,
  start: async () => undefined,
  stop: async () => undefined,
};

/** Says at once what would only be noticed when audits begin. @throws `bad-setting`, `chain-unknown`. */
export async function checkAudits(env: AuditEnv & Partial<CourtInit['env']>): Promise<void> {
  if (env.AUDIT_VALIDATORS.length === 0) return;
  if (env.COURT_KEY !== undefined) (await import('./court.ts')).checkCourt(env as CourtInit['env']);
  await (await import('./audit/beacon.ts')).openBeacon({ env, fetch, clock: systemClock });
  await (await import('./audit/published-rows.ts')).readPublishedRows(env);
}

/** Follows canaries, or what was `released`, to their audits, where there are any. */
export const canaryFollower =
  (audits: () => Pick<Auditing, 'follow'> | undefined, logger: Logger, released?: 'here') =>
  ({ receipt, job, parts }: AnsweredJob): void => {
    try {
      audits()?.follow(receipt, { job, parts }, released);
    } catch (error) {
      // A receipt that does not hold is told where it was received.
      logger.info('canary-not-followed', { code: errorCode(error) });
    }
  };
