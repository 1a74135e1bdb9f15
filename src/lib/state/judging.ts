import type { ErrorRecord } from '#lib/base/errors.ts';

/**
 * Judging the answers of others in audits. `elsewhere`: this tab has not the device's key. `not-followed`: the page's relay follows no
 * audits; `not-named`: it does not name this device among the validators; `no-model`: nothing is loaded that can score.
 */
export interface JudgingView {
  readonly phase: 'off' | 'elsewhere' | 'not-followed' | 'not-named' | 'no-model' | 'judging' | 'failed';
  /** Panels that this device has sat on since the page was opened. */
  readonly seated: number;
  /** The peer id that validators are named by. */
  readonly self: string | undefined;
  readonly error: ErrorRecord | undefined;
}

export const notJudging: JudgingView = { phase: 'off', seated: 0, self: undefined, error: undefined };
