import type { ChecksView } from './checks.ts';

/** What the page shows of a receipt that was checked on this device. */
export interface VerifiedReceiptView {
  /** Undefined where it cannot be read. */
  readonly receipt:
    | {
        readonly hash: string;
        readonly job: string;
        readonly worker: string;
        readonly asker: string;
        readonly model: string;
        readonly artefact: string;
        readonly tier: string;
        readonly tokensIn: number;
        readonly tokensOut: number;
        /** Milliseconds since the epoch, by the worker. */
        readonly issuedAt: number;
      }
    | undefined;
  /** What came along with it of its worker's checks: the word of whoever handed it out. */
  readonly told: ChecksView | undefined;
  readonly claims: readonly {
    readonly claim: 'worker-signature' | 'asker-signature' | 'shown-fields' | 'prompt' | 'output';
    readonly result: 'holds' | 'fails' | 'unchecked';
  }[];
}
