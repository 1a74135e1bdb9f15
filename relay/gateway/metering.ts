import type { Usage } from '#lib/protocol/part.ts';
import type { ApiKey } from '../api-key.ts';

/** The ledger, as the gateway uses it: a job holds the most it may use, and is closed once when it ends. */
export interface Metering {
  /** Resolves when it is written: no work begins before. @throws `insufficient-quota`, `insufficient-credits`, `ledger-unavailable`. */
  hold(hold: JobHold): Promise<void>;
  /** Written soon after, and retried until it is. No answer waits for it, only what is collected for one. */
  close(closing: JobClosing): Promise<void>;
}

export interface JobHold {
  readonly job: string;
  /** Of the job for each model that may be asked; the first is `job`. */
  readonly ids: readonly string[];
  readonly key: ApiKey | undefined;
  /** The wallet that pays where there is no key: a lower-case address. */
  readonly payer?: string | undefined;
  /** The permit that pays instead. */
  readonly permit?: string | undefined;
  readonly most: Usage;
  /** In micro-credits, where it is fixed whatever is used. */
  readonly price?: bigint | undefined;
  /** Whether a part of what is paid goes to the levy. */
  readonly isLevied?: boolean | undefined;
}

export interface JobClosing {
  readonly job: string;
  /** What was delivered; undefined for a job that failed and counts for nothing. */
  readonly used: Usage | undefined;
  readonly run: {
    /** As the worker names it, or the caller where there was none. */
    readonly model: string;
    readonly kind: string;
    /** The worker. */
    readonly peer: string | undefined;
    readonly outcome: 'finished' | 'failed' | 'cancelled';
    /** From the request to the end. */
    readonly ms: number;
  };
}

/**
 * Answers under an Idempotency-Key, beyond this process: after a restart, and at the other gateways of one ledger.
 * All of it @throws `ledger-unavailable`.
 */
export interface AnswerStore {
  /** Takes a name for a run that is about to start, or says what became of the one that took it before. */
  claim(claim: { readonly name: string; readonly bodyHash: string; readonly expiresAt: number }): Promise<
    | { readonly type: 'claimed' }
    | { readonly type: 'answered'; readonly answer: StoredAnswer }
    /** At another gateway, now. */
    | { readonly type: 'running' }
    | { readonly type: 'other-body' }
  >;
  save(name: string, answer: StoredAnswer): Promise<void>;
  /** Gives the name back, after a run that came to no answer. */
  release(name: string): Promise<void>;
}

export interface StoredAnswer {
  /** Of the job for each model that may have been asked. */
  readonly ids: readonly string[];
  readonly events: readonly unknown[];
}
