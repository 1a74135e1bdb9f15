import type { Usage } from '#lib/protocol/part.ts';
import type { ApiKey } from '../api-key.ts';

/** The ledger, as the gateway uses it: a job holds the most it may use, and is closed once when it ends. */
export interface Metering {
  /** Resolves when it is written: no work begins before. @throws `insufficient-quota`, `ledger-unavailable`. */
  hold(hold: JobHold): Promise<void>;
  /** Written soon after; not waited for. */
  close(closing: JobClosing): void;
}

export interface JobHold {
  readonly job: string;
  /** Of the job for each model that may be asked; the first is `job`. */
  readonly ids: readonly string[];
  readonly key: ApiKey | undefined;
  readonly most: Usage;
}

export interface JobClosing {
  readonly job: string;
  /** What was delivered; undefined for a job that failed and counts for nothing. */
  readonly used: Usage | undefined;
}
