import { systemClock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { AnsweredCanary } from '#lib/peer/ask/auditions.ts';
import type { Auditing } from '#lib/peer/audit/auditing.ts';
import type { RelayAudits } from '#lib/protocol/relay-info.ts';
import type { FollowAuditsInit } from './audit/follow-audits.ts';
import type { AuditEnv } from './settings/auditing.ts';

/** This peer's part in the audits of a network that names its validators; undefined where none are named. @throws `bad-setting`. */
export async function openAudits(init: FollowAuditsInit): Promise<Auditing | undefined> {
  if (init.env.AUDIT_VALIDATORS.length === 0) return undefined;
  // The curves of the beacon take a while to load.
  return (await import('./audit/follow-audits.ts')).followAudits(init);
}

/** A gateway's part in audits, of which there is none until its peer runs. */
export interface GatewayAudits {
  readonly onCanary: (canary: AnsweredCanary) => void;
  /** @throws `bad-setting`. */
  start(own: Pick<FollowAuditsInit, 'peer' | 'signer'>): Promise<void>;
  stop(): Promise<void>;
}

/** Follows the canaries that a gateway asks to their audits. */
export function createGatewayAudits(init: Omit<FollowAuditsInit, 'peer' | 'signer'>): GatewayAudits {
  let audits: Auditing | undefined;
  return {
    onCanary: canaryFollower(() => audits, init.logger),
    async start(own) {
      audits = await openAudits({ ...init, ...own });
      await audits?.start();
    },
    stop: async () => audits?.stop(),
  };
}

/** What pages are told of them, so that a tab can judge too; undefined where no validators are named. @throws `bad-setting`. */
export async function auditTerms(env: AuditEnv): Promise<RelayAudits | undefined> {
  if (env.AUDIT_VALIDATORS.length === 0) return undefined;
  const chain = await (await import('./audit/beacon.ts')).ownBeaconChain(env);
  return {
    validators: env.AUDIT_VALIDATORS,
    share: env.AUDIT_SHARE,
    beacons: env.BEACON_URLS.map((url) => new URL(url).href),
    ...(chain ? { chain } : {}),
  };
}

/** Says at once what would only be noticed when audits begin. @throws `bad-setting`. */
export async function checkAudits(env: AuditEnv): Promise<void> {
  if (env.AUDIT_VALIDATORS.length === 0) return;
  await (await import('./audit/beacon.ts')).openBeacon({ env, fetch, clock: systemClock });
}

/** Follows canaries to their audits, where there are any. */
export const canaryFollower =
  (audits: () => Pick<Auditing, 'follow'> | undefined, logger: Logger) =>
  ({ receipt, job, parts }: AnsweredCanary): void => {
    try {
      audits()?.follow(receipt, { job, parts });
    } catch (error) {
      // A receipt that does not hold is told where it was received.
      logger.info('canary-not-followed', { code: errorCode(error) });
    }
  };
