import { openEnvelope } from '#lib/protocol/envelope.ts';
import { checkpointSchema } from '#lib/protocol/checkpoint.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Output } from '#lib/protocol/output.ts';
import type { FinishReason, Usage } from '#lib/protocol/part.ts';
import { unreceiptedTokens, type Attempt } from '#lib/peer/session/attempt.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import { allHold, verifyStored } from '#lib/trust/check.ts';

/** What a job gives that nothing disturbs. */
export interface WholeAnswer {
  readonly output: Pick<Output, 'text' | 'toolCalls' | 'tokens'>;
  readonly usage: Usage;
  readonly reason: FinishReason;
}

export interface Report {
  kills: number;
  jobs: number;
  /** Attempts by what speaks for them. */
  receipts: number;
  checkpoints: number;
  unreceiptedTokens: number;
  /** From each question to its first token, in milliseconds. */
  readonly firstTokenMs: number[];
  /** From each kill to the next token, in milliseconds, by kind of kill. */
  readonly gapsMs: Map<string, number[]>;
  /** Empty when nothing was lost or doubled. */
  readonly complaints: string[];
}

export const emptyReport = (): Report => ({
  kills: 0,
  jobs: 0,
  receipts: 0,
  checkpoints: 0,
  unreceiptedTokens: 0,
  firstTokenMs: [],
  gapsMs: new Map(),
  complaints: [],
});

export interface Kill {
  /** For the complaint. */
  readonly where: string;
  readonly kind: string;
  /** From the kill to the next token, and the longest it may take; undefined if the answer was complete by then. */
  readonly gapMs: number | undefined;
  readonly allowedMs: number;
}

export function noteKill(report: Report, { where, kind, gapMs, allowedMs }: Kill): void {
  report.kills += 1;
  if (gapMs === undefined) return;
  report.gapsMs.set(kind, [...(report.gapsMs.get(kind) ?? []), gapMs]);
  if (gapMs > allowedMs) report.complaints.push(`${where}: ${Math.round(gapMs)} ms until the next token (${kind})`);
}

/** Holds the job against the undisturbed one, and counts who signed for it. */
export function checkJob(report: Report, where: string, state: JobState, whole: WholeAnswer): void {
  const complain = (what: string) => report.complaints.push(`${where}: ${what}`);
  report.jobs += 1;
  if (state.firstTokenAt !== undefined) report.firstTokenMs.push(state.firstTokenAt - (state.startedAt ?? 0));
  if (state.phase !== 'finished') return void complain(`it ${state.phase} with ${state.error?.code}`);
  const { text, toolCalls, tokens } = state.output;
  if (text !== whole.output.text) complain(`"${text}" instead of "${whole.output.text}"`);
  if (JSON.stringify(toolCalls) !== JSON.stringify(whole.output.toolCalls)) complain('other calls');
  if (tokens !== whole.output.tokens) complain(`${tokens} tokens instead of ${whole.output.tokens}`);
  if (state.reason !== whole.reason) complain(`ended with ${state.reason} instead of ${whole.reason}`);
  const { usage } = state;
  if (usage?.tokensIn !== whole.usage.tokensIn || usage.tokensOut !== whole.usage.tokensOut) {
    complain(`usage ${JSON.stringify(usage)} instead of ${JSON.stringify(whole.usage)}`);
  }
  let [token, character] = [0, 0];
  for (const attempt of state.attempts) {
    if (attempt.fromToken !== token || attempt.fromCharacter !== character) complain('a gap between two workers');
    [token, character] = [attempt.toToken, attempt.toCharacter];
    checkAttempt(report, attempt, complain);
  }
  if (token !== tokens || character !== text.length) complain('workers that did not deliver all of it');
}

function checkAttempt(report: Report, attempt: Attempt, complain: (what: string) => void): void {
  const delivered = attempt.toToken - attempt.fromToken;
  const { outcome, settlement, checkpoint, worker } = attempt;
  report.unreceiptedTokens += unreceiptedTokens(attempt);
  if (outcome === 'finished') {
    report.receipts += 1;
    const stored = settlement && verifyStored(settlement.receipt);
    if (!settlement || !allHold(settlement.receiptCheck)) complain('a receipt that does not hold');
    if (stored?.workerSignature !== 'valid' || stored.askerSignature !== 'valid')
      complain('a receipt not signed by both');
    if (settlement?.usage.tokensOut !== delivered) complain('a receipt over other tokens than were delivered');
  } else if (settlement) complain(`a receipt of a worker whose attempt was ${outcome}`);
  if (outcome !== 'lost') return;
  if (!checkpoint) {
    // The one after the last whole stretch may have been under way.
    if (delivered >= 2 * limits.checkpointTokens) complain(`no checkpoint over ${delivered} tokens`);
    return;
  }
  report.checkpoints += 1;
  const { record, peer } = openEnvelope('checkpoint', checkpointSchema, checkpoint.envelope);
  if (peer !== worker.peer || record.tokensOut !== checkpoint.tokensOut) complain('a checkpoint of somebody else');
  if (record.resumedTokens !== attempt.fromToken) complain('a checkpoint over what others delivered');
  if (unreceiptedTokens(attempt) < 0) complain('a checkpoint over more than was delivered');
}

export function describeReport(report: Report): string {
  const gaps = [...report.gapsMs].map(([kind, all]) => {
    const sorted = all.toSorted((a, b) => a - b);
    const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
    return `  ${kind.padEnd(10)} ${String(sorted.length).padStart(5)} kills, next token after ${at(0.5)} ms (p95 ${at(0.95)}, most ${at(1)})`;
  });
  return [
    `${report.kills} kills in ${report.jobs} answers: ${report.complaints.length === 0 ? 'nothing lost, nothing doubled' : `${report.complaints.length} complaints`}`,
    `  ${report.receipts} receipts, ${report.checkpoints} checkpoints of workers that were lost, ${report.unreceiptedTokens} tokens unreceipted`,
    ...gaps,
    ...report.complaints.slice(0, 20).map((complaint) => `  ! ${complaint.slice(0, 400)}`),
  ].join('\n');
}
